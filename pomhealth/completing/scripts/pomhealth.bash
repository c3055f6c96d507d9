# Completion of pomhealth for bash 4.4 and newer. For one user: source <(pomhealth completion bash) in ~/.bashrc.

_pomhealth() {
    local kind word says
    COMPREPLY=()
    while IFS=$'\t' read -r kind word says; do
        case $kind in
            plain) COMPREPLY+=("$word") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(
        IFS=$'\n'
        env COMP_WORDS="${COMP_WORDS[*]:0:COMP_CWORD+1}" COMP_CWORD="$COMP_CWORD" \
            _POMHEALTH_COMPLETE=bash_complete "${1/#~\//$HOME/}" </dev/null 2>/dev/null
    )
}

complete -o nosort -F _pomhealth pomhealth
