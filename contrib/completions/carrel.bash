# bash completion for carrel
_carrel_offer() {
	local name
	while IFS= read -r name; do
		[[ $name == "$cur"* ]] && COMPREPLY+=("$name")
	done
}
_carrel_choose() {
	local command='' words='' names='' at=0 i
	for ((i = 1; i < last && !at; i++)); do
		[[ ${typed[i]} != -* ]] && command=${typed[i]} at=$i
	done
	case $command in
	'') words='run top rm pull push login logout images tag rmi history inspect save load import export pack system profile doctor version help --verbose -v --version --help' ;;
	run)
		names='images'
		for ((i = at + 1; i < last; i++)); do
			[[ ${typed[i]} == -- ]] && { COMPREPLY=($(compgen -A command -A file -- "$cur")); return; }
			[[ ${typed[i]} == --rootfs* ]] && names=''
			[[ ' --profile --set --timeout --stop-signal --stop-timeout --name --pull --platform --rootfs --overlay --volume -v --mount --tmpfs --device --env -e --env-file --workdir -w --entrypoint --hostname -h --umask --preserve-fds --user -u --userns --network --cap-add --cap-drop --security-opt --memory -m --cpus --cpuset-cpus --pids-limit --ulimit --report ' == *" ${typed[i]} "* ]] && { ((i++)); continue; }
			[[ ${typed[i]} == [-@]* ]] || return
		done
		case $prev in
		--profile) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--set) return ;;
		--timeout) return ;;
		--stop-signal) return ;;
		--stop-timeout) return ;;
		--name) _carrel_offer < <(carrel help --names 'sandboxes' 2>/dev/null); return ;;
		--pull) COMPREPLY=($(compgen -W 'always missing never' -- "$cur")); return ;;
		--platform) return ;;
		--rootfs) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--overlay) COMPREPLY=($(compgen -W 'auto kernel fuse' -- "$cur")); return ;;
		--volume|-v) return ;;
		--mount) return ;;
		--tmpfs) return ;;
		--device) return ;;
		--env|-e) return ;;
		--env-file) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--workdir|-w) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--entrypoint) return ;;
		--hostname|-h) return ;;
		--umask) return ;;
		--preserve-fds) return ;;
		--user|-u) return ;;
		--userns) COMPREPLY=($(compgen -W 'auto subids single keep-id' -- "$cur")); return ;;
		--network) COMPREPLY=($(compgen -W 'none nat host' -- "$cur")); return ;;
		--cap-add) return ;;
		--cap-drop) return ;;
		--security-opt) COMPREPLY=($(compgen -W 'no-new-privileges seccomp=unconfined' -- "$cur")); return ;;
		--memory|-m) return ;;
		--cpus) return ;;
		--cpuset-cpus) return ;;
		--pids-limit) return ;;
		--ulimit) return ;;
		--report) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		[[ $cur == @* ]] && { _carrel_offer < <(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//'); return; }
		words=' --profile --set --timeout --stop-signal --stop-timeout --rm --name --keep --pull --platform --quiet -q --rootfs --overlay --read-only --volume -v --mount --tmpfs --device --interactive -i --tty -t --env -e --env-file --workdir -w --entrypoint --hostname -h --umask --preserve-fds --user -u --userns --network --cap-add --cap-drop --security-opt --memory -m --cpus --cpuset-cpus --pids-limit --ulimit --dry-run --report --stats --trace-startup --verbose --help' ;;
	top)
		case $prev in
		--delay|-d) return ;;
		--sort) COMPREPLY=($(compgen -W 'age memory cpu tasks' -- "$cur")); return ;;
		esac
		words=' --once --json --delay -d --sort --help' ;;
	rm)
		names='sandboxes'
		case $prev in
		esac
		words=' --force -f --help' ;;
	pull)
		names='images'
		case $prev in
		--platform) return ;;
		--userns) COMPREPLY=($(compgen -W 'auto subids single' -- "$cur")); return ;;
		esac
		words=' --platform --quiet -q --tls-verify --userns --help' ;;
	push)
		names='images'
		case $prev in
		esac
		words=' --quiet -q --tls-verify --help' ;;
	login)
		case $prev in
		--username|-u) return ;;
		--password|-p) return ;;
		esac
		words=' --username -u --password -p --password-stdin --tls-verify --help' ;;
	logout)
		case $prev in
		esac
		words=' --help' ;;
	images)
		names='images'
		case $prev in
		esac
		words=' --all -a --digests --no-trunc --quiet -q --json --help' ;;
	tag)
		names='images'
		case $prev in
		esac
		words=' --help' ;;
	rmi)
		names='images'
		case $prev in
		esac
		words=' --force -f --help' ;;
	history)
		names='images'
		case $prev in
		esac
		words=' --no-trunc --quiet -q --json --help' ;;
	inspect)
		names='images'
		case $prev in
		esac
		words=' --json --help' ;;
	save)
		names='images'
		case $prev in
		--output|-o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--format) COMPREPLY=($(compgen -W 'oci-archive docker-archive' -- "$cur")); return ;;
		esac
		words=' --output -o --format --quiet -q --help' ;;
	load)
		case $prev in
		--input|-i) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--userns) COMPREPLY=($(compgen -W 'auto subids single' -- "$cur")); return ;;
		esac
		words=' --input -i --quiet -q --userns --help' ;;
	import)
		case $prev in
		--change|-c) return ;;
		--message|-m) return ;;
		--platform) return ;;
		--userns) COMPREPLY=($(compgen -W 'auto subids single' -- "$cur")); return ;;
		esac
		words=' --change -c --message -m --platform --quiet -q --userns --help' ;;
	export)
		names='images sandboxes'
		case $prev in
		--output|-o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=' --output -o --help' ;;
	pack)
		names='images sandboxes'
		case $prev in
		--output|-o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--compression) COMPREPLY=($(compgen -W 'zstd gzip xz lz4' -- "$cur")); return ;;
		esac
		words=' --output -o --compression --force -f --quiet -q --help' ;;
	system)
		case $prev in
		esac
		words='df prune reset --all -a --force -f --json --help' ;;
	profile)
		case $prev in
		esac
		words='list show check schema --json --origins --markdown --help' ;;
	doctor)
		case $prev in
		esac
		words=' --json --help' ;;
	version)
		case $prev in
		esac
		words=' --help' ;;
	help)
		case $prev in
		esac
		words='run top rm pull push login logout images tag rmi history inspect save load import export pack system profile doctor version help --help' ;;
	esac
	if [[ $names && $cur != -* ]]; then
		_carrel_offer < <(carrel help --names "$names" 2>/dev/null)
	else
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	fi
}
_carrel() {
	local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} cur prev before last typed
	read -ra typed <<<"$line"
	[[ $line == *[[:blank:]] ]] && typed+=('')
	last=$((${#typed[@]} - 1)) cur=${typed[${#typed[@]} - 1]} prev=${typed[${#typed[@]} - 2]}
	before=${cur%"$2"}
	[[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=} before=${before#"$prev="}
	COMPREPLY=()
	_carrel_choose
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
	[[ $2 == --*=* ]] && COMPREPLY=("${COMPREPLY[@]/#/$prev=}")
}
complete -o default -F _carrel carrel
