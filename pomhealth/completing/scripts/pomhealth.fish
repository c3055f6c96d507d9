# Completion of pomhealth for fish 3.1 and newer. For one user: pomhealth completion fish | source in config.fish.

function __pomhealth_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l option (string match -r '^--[^=]*=' -- $typed)
    set -l path (string replace -r '^--[^=]*=' '' -- $typed)
    for line in (env COMP_WORDS=(string join \n -- $words | string collect) COMP_CWORD="$typed" \
            _POMHEALTH_COMPLETE=fish_complete (string replace -r '^~(?=/)' $HOME -- $words[1]) </dev/null 2>/dev/null)
        set -l fields (string split -m 2 \t -- $line)
        switch $fields[1]
            case plain
                printf '%s\t%s\n' $fields[2] $fields[3]
            case file
                printf "$option%s\n" (__fish_complete_path $path)
            case dir
                printf "$option%s\n" (__fish_complete_directories $path)
        end
    end
end

complete --no-files --command pomhealth --arguments '(__pomhealth_complete)'
