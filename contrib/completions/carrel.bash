# bash completion for carrel
_carrel() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] && { COMPREPLY=($(compgen -A command -A file -- "$cur")); return; }
		[[ -z $command && ${COMP_WORDS[i]} != -* ]] && command=${COMP_WORDS[i]}
	done
	case $command in
	'') words='run top rm pull push login logout images tag rmi history inspect save load import export pack system profile doctor version help --verbose -v --version --help' ;;
	run)
		case $prev in
		--profile) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--set) return ;;
		--timeout) return ;;
		--stop-signal) return ;;
		--stop-timeout) return ;;
		--name) return ;;
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
		[[ $cur == @* ]] && words=$(carrel profile list 2>/dev/null | sed 's/^/@/; s/ .*//') ||
		words=' --profile --set --timeout --stop-signal --stop-timeout --rm --name --keep --pull --platform --quiet -q --rootfs --overlay --read-only --volume -v --mount --tmpfs --device --interactive -i --tty -t --env -e --env-file --workdir -w --entrypoint --hostname -h --umask --preserve-fds --user -u --userns --network --cap-add --cap-drop --security-opt --memory -m --cpus --cpuset-cpus --pids-limit --ulimit --dry-run --report --stats --trace-startup --verbose --help' ;;
	top)
		case $prev in
		--delay|-d) return ;;
		--sort) COMPREPLY=($(compgen -W 'age memory cpu tasks' -- "$cur")); return ;;
		esac
		words=' --once --json --delay -d --sort --help' ;;
	rm)
		case $prev in
		esac
		words=' --help' ;;
	pull)
		case $prev in
		--platform) return ;;
		--userns) COMPREPLY=($(compgen -W 'auto subids single' -- "$cur")); return ;;
		esac
		words=' --platform --quiet -q --tls-verify --userns --help' ;;
	push)
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
		case $prev in
		esac
		words=' --all -a --digests --no-trunc --quiet -q --json --help' ;;
	tag)
		case $prev in
		esac
		words=' --help' ;;
	rmi)
		case $prev in
		esac
		words=' --force -f --help' ;;
	history)
		case $prev in
		esac
		words=' --no-trunc --quiet -q --json --help' ;;
	inspect)
		case $prev in
		esac
		words=' --json --help' ;;
	save)
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
		case $prev in
		--output|-o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=' --output -o --help' ;;
	pack)
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
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _carrel carrel
