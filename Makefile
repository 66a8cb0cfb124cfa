# carrel: `make help` lists what there is to do.

VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=
STATIC  ?= auto# auto: a static program where the static libraries are there; yes, no
TESTS   ?=# for check: a part of the names of suites and tests
SANITIZE ?=# address,undefined: a build of its own, below build/
V       ?=# 1: show every command
WERROR  ?= $(if $(wildcard .git),1,0)# developers: a warning is an error
CFLAGS  ?= -O2 -g
LDFLAGS ?=

comma := ,
ifeq ($(SANITIZE),)
BUILD := build
else
# A tree like ours, so that the program finds ../profiles as build/carrel does.
BUILD := build/sanitize-$(subst $(comma),-,$(SANITIZE))/build
endif

# --- flags --------------------------------------------------------------------------------------------------------------------------------

# Texts are cut to the fixed buffers of struct error by design: no warning about that.
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-format-truncation -Wno-unknown-warning-option $(if $(filter 1,$(WERROR)),-Werror)
CPPFLAGS += -D_GNU_SOURCE -Isrc -DCARREL_VERSION='"$(VERSION)"' -DCARREL_DATADIR='"$(PREFIX)/share/carrel"' -DCARREL_LIBEXECDIR='"$(PREFIX)/libexec/carrel"'
LIBS := -lseccomp -lcap -lyaml
IMAGE_LIBS := -larchive -ljansson -lcrypto -lz -lzstd

ifeq ($(SANITIZE),)
HARDEN := -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN += $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection)
SMALL  := -ffunction-sections -fdata-sections
LINK   := -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack
else
HARDEN := -fPIE -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
STATIC := no
endif

ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARN) $(HARDEN) $(SMALL)
COMPILE = $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c

# Static libraries are found by trying. (Recursive on purpose: asked only when something is linked.)
static_works = $(shell echo 'int main(void) { return 0; }' | $(CC) -static-pie -fPIE -x c - -o /dev/null $(LIBS) 2>/dev/null && echo yes)
PIE = $(if $(filter yes,$(STATIC:auto=$(static_works))),-static-pie,-pie)

# --- programs -----------------------------------------------------------------------------------------------------------------------------

say = $(if $(V),,@echo '  $(1)' $(patsubst $(BUILD)/obj/%,%,$@);)
find = $(sort $(shell find $(1) -name '$(2)' 2>/dev/null))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIB_SOURCES := $(filter-out src/cli/main.c src/cli/image_main.c,$(call find,src,*.c))

.PHONY: all
all: $(BUILD)/carrel $(BUILD)/carrel-image

ifeq ($(wildcard src/cli/main.c),)
$(BUILD)/carrel: $(BUILD)/libcarrel.a
else
$(BUILD)/carrel: $(call objects,src/cli/main.c) $(BUILD)/libcarrel.a
	$(call say,LINK)$(CC) $(ALL_CFLAGS) $(PIE) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)
	@$(if $(SANITIZE),ln -sfn ../../profiles $(BUILD)/../profiles)
endif

# The image commands are a program of their own: what starts a sandbox must not pay for what parses archives and JSON. libcurl is not linked at all, but loaded where a
# registry is asked (src/image/libcurl.h); so this program is always dynamic.
$(BUILD)/carrel-image: $(call objects,src/cli/image_main.c) $(BUILD)/libcarrel.a
	$(call say,LINK)$(CC) $(ALL_CFLAGS) -pie $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS) $(IMAGE_LIBS)

$(BUILD)/libcarrel.a: $(call objects,$(LIB_SOURCES))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -o $@ $<

$(BUILD)/obj/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -Itests -o $@ $<

# Other flags, other objects.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','"'"',$(COMPILE))' | cmp -s - $@ || printf '%s\n' '$(subst ','"'"',$(COMPILE))' > $@
.PHONY: FORCE
FORCE:

# --- test programs ------------------------------------------------------------------------------------------------------------------------
# tests/SUITE/**/*.c make the Criterion program build/tests/SUITE; tests/SUITE/payload/NAME.c is a program of its own that the suite runs inside
# a sandbox, linked statically so that it starts in any root: build/tests/payload/SUITE/NAME. (No --gc-sections for Criterion: it would take the tests.)

SUITES := $(foreach s,unit e2e escape fault,$(if $(call find,tests/$(s),*_test.c),$(s)))
WEAK = $(BUILD)/tests/weak/build/carrel
PAYLOADS := $(wildcard tests/*/payload/*.c)
TEST_PROGRAMS := $(SUITES:%=$(BUILD)/tests/%)
PAYLOAD_PROGRAMS := $(foreach p,$(PAYLOADS),$(BUILD)/tests/payload/$(word 2,$(subst /, ,$(p)))/$(basename $(notdir $(p))))

.PHONY: tests
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%_fuzz.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
tests: $(TEST_PROGRAMS) $(PAYLOAD_PROGRAMS) $(FUZZ_PROGRAMS) $(if $(SANITIZE),,$(WEAK))

suite_sources = $(filter-out tests/$(1)/payload/% tests/$(1)/weak/%,$(call find,tests/$(1),*.c)) $(if $(filter unit,$(1)),tests/e2e/hostile.c,tests/e2e/harness.c)
define suite
$(BUILD)/tests/$(1): $(call objects,$(sort $(call suite_sources,$(1)))) $(BUILD)/libcarrel.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(ALL_CFLAGS) -pie $$(LDFLAGS) -o $$@ $$^ $$(LIBS) $$(IMAGE_LIBS) -lcriterion
endef
$(foreach s,$(SUITES),$(eval $(call suite,$(s))))

define payload
$(BUILD)/tests/payload/$(1)/%: tests/$(1)/payload/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call say,CC)$$(CC) $$(CPPFLAGS) -std=gnu17 $$(CFLAGS) $$(WARN) -Itests -MMD -MP -static -o $$@ $$<
endef
$(foreach s,$(sort $(foreach p,$(PAYLOADS),$(word 2,$(subst /, ,$(p))))),$(eval $(call payload,$(s))))

# A fuzz target as a program that runs its seeds and some mutations, for make check.
$(FUZZ_PROGRAMS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(BUILD)/obj/tests/fuzz/driver.o $(BUILD)/libcarrel.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(ALL_CFLAGS) -pie $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS) $(IMAGE_LIBS)

# The same program with one defence missing, to see that the escape tests notice (tests/escape/weak/weak.c). It stands in a folder named build, as
# build/carrel does, so that it finds the profiles.
WEAK_WRAPS := prctl syscall setgroups setsid openat caps_apply caps_bound keyring_apply landlock_apply cover_apply mount_attach init_run path_open_in

$(WEAK): $(call objects,src/cli/main.c tests/escape/weak/weak.c) $(BUILD)/libcarrel.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(ALL_CFLAGS) $(PIE) $(LINK) $(LDFLAGS) $(WEAK_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)
	@ln -sfn ../../../profiles $(BUILD)/tests/weak/profiles

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# --- demo, check --------------------------------------------------------------------------------------------------------------------------
# Both work on a fresh machine, where even the headers are missing: they install first and then start make anew.

quietly = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: demo check
demo:
	contrib/install-deps build run
	$(MAKE) $(quietly) all
	tests/as-user contrib/demo

check:
	contrib/install-deps build run check
	$(MAKE) $(quietly) all tests
	tests/as-user env V=$(V) tests/run $(BUILD) '$(TESTS)'
	@$(if $(TESTS),,chmod -R a+rX $(BUILD); tests/two-users $(BUILD) || [ $$? = 77 ])

# Debian's kernels under QEMU, without KVM: some minutes each, and as many again to make its image once. With all guests, the table in README is new.
ALL_GUESTS := bookworm trixie bullseye sid $(addprefix bookworm:,delegated no-session cgroup1 no-subids nfs-home) trixie:apparmor
GUESTS ?= $(ALL_GUESTS)

.PHONY: check-vm
check-vm:
	contrib/install-deps build run check vm
	$(MAKE) $(quietly) all tests
	chmod -R a+rX $(BUILD)
	tests/as-user $(if $(filter undefined,$(origin VM_TESTS)),,env VM_TESTS='$(VM_TESTS)') tests/vm/run $(BUILD) $(GUESTS) 3>$(BUILD)/kernels.md; \
		status=$$?; $(if $(filter-out $(GUESTS),$(ALL_GUESTS)),,tests/vm/readme $(BUILD)/kernels.md README.md &&) exit $$status

# --- lint, format, fuzz, bench ------------------------------------------------------------------------------------------------------------

SCRIPTS := contrib/install-deps contrib/demo tests/as-user tests/two-users tests/in-ids tests/roots tests/run tests/bench/run tests/bench/images tests/bench/memory tests/bench/watch tests/lint/format tests/vm/image tests/vm/readme tests/vm/run $(wildcard tests/*/*.sh)

# gcc 12's analyzer does not know that a cleanup attribute sees an initialised variable, and takes strchr for failing: shown, not fatal.
ANALYZER := -O2 -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-error=analyzer-null-dereference

.PHONY: lint lint-quick format-check
lint-quick:
	@for check in tests/lint/*.sh; do echo "  LINT $$check"; $$check || exit 1; done

lint: lint-quick
	contrib/install-deps build lint
	@if command -v shellcheck >/dev/null; then echo '  SHELLCHECK'; shellcheck $(SCRIPTS); else echo '  skipped: shellcheck is not installed'; fi
	@echo '  CPPCHECK'; cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--suppressions-list=tests/lint/cppcheck.suppress -Isrc src
	@echo '  CLANG-TIDY'; printf '%s\n' $(filter %.c,$(call find,src,*.c)) | \
		xargs -P $(shell nproc) -n 4 sh -c 'clang-tidy --quiet --config-file=tests/lint/clang-tidy "$$@" -- $(subst ','"'"',-std=gnu17 $(CPPFLAGS)) 2>/dev/null' sh
	@echo '  ANALYZER'; $(MAKE) $(quietly) BUILD=build/analyzer WERROR=1 CFLAGS='$(ANALYZER)' build/analyzer/libcarrel.a

format-check:
	@contrib/install-deps lint
	tests/lint/format

# tests/fuzz/NAME_fuzz.c has LLVMFuzzerTestOneInput; its seeds are tests/fuzz/NAME/. What it finds is kept below build/fuzz/.
SECONDS ?= 30
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_BUILD := build/sanitize-address-fuzzer-no-link/build

.PHONY: fuzz bench
fuzz:
	contrib/install-deps build fuzz
	@$(if $(FUZZERS),,echo 'no fuzz targets in tests/fuzz'; exit 1)
	$(MAKE) $(quietly) CC=clang WERROR=0 SANITIZE=address,fuzzer-no-link $(FUZZ_BUILD)/libcarrel.a
	@for name in $(FUZZERS); do \
		echo "  FUZZ $$name ($(SECONDS) s)"; \
		mkdir -p build/fuzz/$$name tests/fuzz/$$name && \
		clang -std=gnu17 -g -O1 $(subst ','"'"',$(CPPFLAGS)) -fsanitize=address,fuzzer -o build/fuzz/$$name-fuzz tests/fuzz/$${name}_fuzz.c $(FUZZ_BUILD)/libcarrel.a $(LIBS) $(IMAGE_LIBS) && \
		build/fuzz/$$name-fuzz -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=build/fuzz/$$name- -print_final_stats=1 \
			build/fuzz/$$name tests/fuzz/$$name >build/fuzz/$$name.log 2>&1 || { tail -n 40 build/fuzz/$$name.log; exit 1; }; \
		sed -n 's/^stat::number_of_executed_units: */    executed: /p' build/fuzz/$$name.log; \
	done

# Prints a table and writes the same to build/bench.json. Run it on a quiet machine.
BENCH_TOOLS := $(patsubst tests/bench/%.c,build/bench/%,$(wildcard tests/bench/*.c))

bench:
	contrib/install-deps build run bench
	$(MAKE) $(quietly) all $(BENCH_TOOLS)
	@{ printf '['; tests/as-user tests/bench/run build $(ROUNDS) 3>&1 >&2; status=$$?; tests/as-user tests/bench/images build 3>&1 >&2 || status=$$?; tests/bench/memory build 3>&1 >&2; tests/as-user tests/bench/watch build 3>&1 >&2; echo ']'; exit $$status; } 2>&1 >build/bench.json

$(BENCH_TOOLS): build/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 $(WARN) -static -o $@ $<

# --- install ------------------------------------------------------------------------------------------------------------------------------

install = install -D -m $(1) $(2) $(DESTDIR)$(PREFIX)/$(3)
COMPLETIONS := share/bash-completion/completions/carrel share/zsh/site-functions/_carrel share/fish/vendor_completions.d/carrel.fish

# The pages come from the tables that the program itself goes by.
.PHONY: man install uninstall clean help
man: $(BUILD)/man/carrel.1

$(BUILD)/man/carrel.1: $(BUILD)/carrel
	@rm -rf $(@D) && mkdir -p $(@D)
	@for name in $$($< help | sed -n '/^Commands:/,/^$$/s/^  \([a-z]*\) .*/\1/p'); do $< help --man $$name >$(@D)/carrel-$$name.1 || exit 1; done
	@$< help --man-profile >$(@D)/carrel-profile.5
	@$< help --man-policy >$(@D)/carrel-policy.5
	@$< help --man >$@

install: all man
	$(call install,755,$(BUILD)/carrel,bin/carrel)
	$(call install,755,$(BUILD)/carrel-image,libexec/carrel/carrel-image)
	$(call install,644,contrib/apparmor/carrel,share/carrel/apparmor/carrel)
	$(call install,644,contrib/carrel.schema.json,share/carrel/carrel.schema.json)
	$(call install,644,contrib/policy.yaml,share/carrel/policy.yaml)
	$(call install,644,contrib/systemd/user-.slice.d/50-limits.conf,share/carrel/systemd/user-.slice.d/50-limits.conf)
	find profiles -type f | while read -r f; do $(call install,644,"$$f","share/carrel/$$f") || exit 1; done
	for page in $(BUILD)/man/*; do $(call install,644,"$$page","share/man/man$${page##*.}/$${page##*/}") || exit 1; done
	$(call install,644,contrib/completions/carrel.bash,$(word 1,$(COMPLETIONS)))
	$(call install,644,contrib/completions/_carrel,$(word 2,$(COMPLETIONS)))
	$(call install,644,contrib/completions/carrel.fish,$(word 3,$(COMPLETIONS)))

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/carrel $(COMPLETIONS:%=$(DESTDIR)$(PREFIX)/%)
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/carrel.1 $(DESTDIR)$(PREFIX)/share/man/man1/carrel-*.1 $(DESTDIR)$(PREFIX)/share/man/man5/carrel-profile.5 \
		$(DESTDIR)$(PREFIX)/share/man/man5/carrel-policy.5
	rm -rf $(DESTDIR)$(PREFIX)/share/carrel $(DESTDIR)$(PREFIX)/libexec/carrel

clean:
	rm -rf build

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)
#: make                 build/carrel and its carrel-image, which run in place
#: make demo            the main job, shown in a minute (installs what is missing, needs only make and gcc)
#: make check           every test (installs what is missing); TESTS=PATTERN chooses, V=1 shows every test's name
#:                      SANITIZE=address,undefined: unit and end-to-end tests of such a build
#: make check-vm        what carrel does on other kernels, booted in QEMU: all of them, or GUESTS="bookworm bookworm:cgroup1"; see tests/vm/README.md
#: make lint            layers and sizes, then clang-tidy, cppcheck, gcc's analyzer, shellcheck; make format-check for the layout
#: make fuzz            each parser of foreign bytes for SECONDS (30)
#: make bench           against the peers that are installed: a table, and build/bench.json
#: make install         to PREFIX (/usr/local), below DESTDIR if given, with man pages and completions; make uninstall takes it away
#: make clean           remove build/
