# SPDX-License-Identifier: MIT
# Completion of vhdtool's command line for bash. Commands and options come from `vhdtool help --list`, so that this file
# knows those of every version.

# Prints the words that the option $2 of command $1 takes; nothing when it takes a file or a size.
_vhdtool_values()
{
	"${COMP_WORDS[0]}" help --list "$1" 2>/dev/null | sed -n "s/^$2=//p" | grep '|' | tr '|' ' '
}

_vhdtool()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ] || { [ "$command" = help ] && [ "$COMP_CWORD" -eq 2 ]; }; then
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" help --list 2>/dev/null)" -- "$current")
		return
	fi
	# bash makes words of their own of "=" signs.
	if [ "$current" = "=" ]; then
		current=
	elif [ "$previous" = "=" ]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $current in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" help --list "$command" 2>/dev/null | sed 's/=.*//')" -- "$current")
		;;
	*)
		case $previous in
		--*)
			mapfile -t COMPREPLY < <(compgen -W "$(_vhdtool_values "$command" "$previous")" -- "$current")
			;;
		esac
		;;
	esac
}

# Without an answer of ours bash completes names of files.
complete -o default -F _vhdtool vhdtool
