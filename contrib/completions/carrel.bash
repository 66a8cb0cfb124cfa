# bash completion for carrel
_carrel() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] && { COMPREPLY=($(compgen -A command -A file -- "$cur")); return; }
		[[ -z $command && ${COMP_WORDS[i]} != -* ]] && command=${COMP_WORDS[i]}
	done
	case $command in
	'') words='run top rm profile doctor version help --verbose -v --version --help' ;;
	run)
		case $prev in
		--profile) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--set) return ;;
		--timeout) return ;;
		--stop-timeout) return ;;
		--name) return ;;
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
		words=' --profile --set --timeout --stop-timeout --rm --name --keep --rootfs --overlay --read-only --volume -v --mount --tmpfs --device --interactive -i --tty -t --env -e --env-file --workdir -w --entrypoint --hostname -h --umask --preserve-fds --user -u --userns --network --cap-add --cap-drop --security-opt --memory -m --cpus --cpuset-cpus --pids-limit --ulimit --dry-run --report --stats --trace-startup --verbose --help' ;;
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
		words='run top rm profile doctor version help --help' ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _carrel carrel
