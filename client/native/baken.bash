# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for baken: words, options, desk acts, files; ids of messages from the unlocked store (baken unlock).
# Installed as /usr/share/bash-completion/completions/baken. A test compares the words with the program's own.

_baken_ids()
{
	# Only when no passphrase would be asked for: a completion must not wait for a person.
	command baken --offline --json messages 2>/dev/null </dev/null |
		grep -o '"message":"[0-9a-f]*"' | cut -d'"' -f4
}

_baken_options()
{
	case $1 in
	enrol) echo "--name --ca" ;;
	alarm) echo "--silent --now --drill --full" ;;
	safe) echo "--mistake" ;;
	place) echo "--accuracy --battery" ;;
	report) echo "--where --when --urgency --certainty --file --drill" ;;
	messages) echo "--conversation" ;;
	reply) echo "--answer --file" ;;
	send) echo "--file" ;;
	watch) echo "--until --minutes --grace --every --where --note --place --pin-file --journey --drill" ;;
	guidance) echo "--title --to --group --all --household --template --hours --no-acknowledge --drill --change" ;;
	monitor) echo "--days --html" ;;
	unlock) echo "--minutes" ;;
	passphrase) echo "--new-passphrase-file" ;;
	pin) echo "--second --no-second --new-passphrase-file" ;;
	wipe) echo "--yes" ;;
	shift) echo "--risk --accept --refuse --reason --since --until --least --force" ;;
	vault) echo "--canary --canary-late" ;;
	rpc) echo "--lock-after" ;;
	esac
}

_baken()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word= i
	local words="enrol status alarm safe place share report reports messages show reply send attach save guidance acknowledge ask-again"
	words="$words watch people desk monitor shift vault receipts sync unlock lock passphrase health drill devices pin wipe rpc help"
	local global="--dir --passphrase-file --lang --json --offline --wait --help --version"

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--dir | --passphrase-file | --lang | --wait) ((i++)) ;;
		-*) ;;
		*) word=${COMP_WORDS[i]}; break ;;
		esac
	done

	case $prev in
	--lang) COMPREPLY=($(compgen -W "nl en" -- "$cur")); return ;;
	--urgency) COMPREPLY=($(compgen -W "now today can-wait" -- "$cur")); return ;;
	--certainty) COMPREPLY=($(compgen -W "sure unsure gut-feeling" -- "$cur")); return ;;
	--dir | --passphrase-file | --new-passphrase-file | --ca | --file | --html)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		return ;;
	esac

	if [[ -z $word ]]; then
		COMPREPLY=($(compgen -W "$words $global" -- "$cur"))
		return
	fi
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_baken_options "$word")" -- "$cur"))
		return
	fi
	case $word in
	help) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
	desk) COMPREPLY=($(compgen -W "on off list case due claim release close note promise urgency join leave escalate link policy" -- "$cur")) ;;
	shift) COMPREPLY=($(compgen -W "show colleagues offer answer take-back grant ask read-by plan off" -- "$cur")) ;;
	receipts) COMPREPLY=($(compgen -W "export" -- "$cur")) ;;
	guidance)
		if [[ $prev == guidance ]]; then
			COMPREPLY=($(compgen -W "send status recall templates requests approve refuse take-back groups group ungroup" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(_baken_ids)" -- "$cur"))
		fi ;;
	send) COMPREPLY=($(compgen -W "desk care" -- "$cur")) ;;
	attach)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur")) ;;
	show | reply | save | acknowledge | ask-again) COMPREPLY=($(compgen -W "$(_baken_ids)" -- "$cur")) ;;
	esac
}

complete -F _baken baken
