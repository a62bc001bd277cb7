# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hale_global_optspecs
    string join \n c/config= f/format= h/help V/version
end

function __fish_hale_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hale_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hale_using_subcommand
    set -l cmd (__fish_hale_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hale -n "__fish_hale_needs_command" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_needs_command" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_needs_command" -s V -l version -d 'Print version'
complete -c hale -n "__fish_hale_needs_command" -f -a "run" -d 'Serve in the foreground (systemd: Type=notify)'
complete -c hale -n "__fish_hale_needs_command" -f -a "check-config" -d 'Read the configuration and report every mistake; exits 0 or 78'
complete -c hale -n "__fish_hale_needs_command" -f -a "check-sandbox" -d 'Try from inside the sandbox what it has to refuse; exits 0 if all of it is refused, 78 otherwise'
complete -c hale -n "__fish_hale_needs_command" -f -a "check-host" -d 'Compare this host with what it should be for the configured number of sessions; exits 78 if something must change'
complete -c hale -n "__fish_hale_needs_command" -f -a "config" -d 'Print the effective settings in Dovecot\'s language'
complete -c hale -n "__fish_hale_needs_command" -f -a "import" -d 'Write a configuration out of HAProxy\'s and Dovecot\'s'
complete -c hale -n "__fish_hale_needs_command" -f -a "top" -d 'Backends and what they are used for, on a page that is drawn anew each second'
complete -c hale -n "__fish_hale_needs_command" -f -a "status" -d 'What runs: cores, listeners, sessions, counters, memory, databases, certificates'
complete -c hale -n "__fish_hale_needs_command" -f -a "who" -d 'Who is logged in, as `doveadm who` prints it'
complete -c hale -n "__fish_hale_needs_command" -f -a "kick" -d 'End sessions, as `doveadm kick` does'
complete -c hale -n "__fish_hale_needs_command" -f -a "reload" -d 'Read the configuration again, and put it in force as a whole or not at all'
complete -c hale -n "__fish_hale_needs_command" -f -a "listener" -d 'Listeners: which accept, and which do not'
complete -c hale -n "__fish_hale_needs_command" -f -a "trace" -d 'What passes in a user\'s sessions, as it passes, without credentials'
complete -c hale -n "__fish_hale_needs_command" -f -a "cluster" -d 'Sites, backends, groups and users'
complete -c hale -n "__fish_hale_needs_command" -f -a "geodb" -d 'The `GeoDB` itself'
complete -c hale -n "__fish_hale_needs_command" -f -a "explain" -d 'A login as it would go now, step by step, without logging in and without writing'
complete -c hale -n "__fish_hale_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand run" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand run" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand check-config" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand check-config" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand check-config" -l connect -d 'Also dial every backend of the `GeoDB` by each protocol, without logging in, and say what its TLS is like; exits 75 if one can\'t be reached, 78 if one would be refused'
complete -c hale -n "__fish_hale_using_subcommand check-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand check-sandbox" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand check-sandbox" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand check-sandbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand check-host" -l sessions -d 'For so many sessions instead' -r
complete -c hale -n "__fish_hale_using_subcommand check-host" -l print -d 'Print this file for that number, and look at nothing' -r
complete -c hale -n "__fish_hale_using_subcommand check-host" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand check-host" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand check-host" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand config" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand config" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand config" -s n -d 'Only those that differ from the default'
complete -c hale -n "__fish_hale_using_subcommand config" -s P -d 'Passwords, too, which are hidden otherwise; what is printed then loads again'
complete -c hale -n "__fish_hale_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand import" -s o -l output -d 'The file to write, which must not exist; standard output unless given' -r -F
complete -c hale -n "__fish_hale_using_subcommand import" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand import" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand top" -l site -d 'Backends of this site; those of cluster_local_site unless given' -r
complete -c hale -n "__fish_hale_using_subcommand top" -l count -d 'So many pages, then end' -r
complete -c hale -n "__fish_hale_using_subcommand top" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand top" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand status" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand status" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand who" -s a -d 'The admin socket, if it is not `admin.sock` in base_dir' -r -F
complete -c hale -n "__fish_hale_using_subcommand who" -l backend -d 'Only those of this backend' -r
complete -c hale -n "__fish_hale_using_subcommand who" -l group -d 'Only those of users in this group' -r
complete -c hale -n "__fish_hale_using_subcommand who" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand who" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand who" -s 1 -d 'One line per session; otherwise sessions are counted by user and protocol'
complete -c hale -n "__fish_hale_using_subcommand who" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand kick" -s a -d 'The admin socket, if it is not `admin.sock` in base_dir' -r -F
complete -c hale -n "__fish_hale_using_subcommand kick" -l backend -d 'Those of this backend' -r
complete -c hale -n "__fish_hale_using_subcommand kick" -l group -d 'Those of users in this group' -r
complete -c hale -n "__fish_hale_using_subcommand kick" -l session -d 'The session with this id (`hale who -1` shows it)' -r
complete -c hale -n "__fish_hale_using_subcommand kick" -l reason -d 'Why; goes to the log' -r
complete -c hale -n "__fish_hale_using_subcommand kick" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand kick" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand kick" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand reload" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand reload" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -f -a "list" -d 'All listeners of the configuration'
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -f -a "drain" -d 'Stop accepting: clients and balancers that connect are refused by the kernel. Sessions go on'
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -f -a "resume" -d 'Accept again'
complete -c hale -n "__fish_hale_using_subcommand listener; and not __fish_seen_subcommand_from list drain resume help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from list" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from list" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from drain" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from drain" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from drain" -l all -d 'All of the mail protocols'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from resume" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from resume" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from resume" -l all -d 'All of the mail protocols'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from help" -f -a "list" -d 'All listeners of the configuration'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from help" -f -a "drain" -d 'Stop accepting: clients and balancers that connect are refused by the kernel. Sessions go on'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Accept again'
complete -c hale -n "__fish_hale_using_subcommand listener; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand trace" -l seconds -d 'For how long, at most four minutes' -r
complete -c hale -n "__fish_hale_using_subcommand trace" -l bytes -d 'How many bytes, at most 64 MiB' -r
complete -c hale -n "__fish_hale_using_subcommand trace" -l reason -d 'Why; goes to the log' -r
complete -c hale -n "__fish_hale_using_subcommand trace" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand trace" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "tag" -d 'Tags: shards of sites'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "site" -d 'Sites'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "backend" -d 'Backends'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "group" -d 'User groups'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "user" -d 'Users'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "geodb" -d 'The GeoDB itself'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "localdb" -d 'What this proxy remembers of users and groups, in case the GeoDB does not answer'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "kick" -d 'End a user\'s connections'
complete -c hale -n "__fish_hale_using_subcommand cluster; and not __fish_seen_subcommand_from tag site backend group user geodb localdb kick help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -f -a "create" -d 'Create a tag'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -f -a "update" -d 'Rename a tag'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -f -a "delete" -d 'Delete a tag, used or not'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -f -a "remove" -d 'Delete a tag, used or not'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -f -a "list" -d 'List all tags'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from tag" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "add" -d 'Add a site; it starts online'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "remove" -d 'Remove a site; remove its backends and move its users first'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "update" -d 'Change a site'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "status" -d 'Show a site'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "list" -d 'List all sites'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "init" -d 'Create cluster_default_group_count groups; normally they appear on demand'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "force-move" -d 'Move users of a site to other sites while they log in'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "recover" -d 'Let users come home to a site that is well again, so many of a hundred'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "reachability" -d 'What sites measured of each other'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from site" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "add" -d 'Add a backend; it starts in standby'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "remove" -d 'Remove a backend'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "update" -d 'Change a backend'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "evacuate" -d 'Start moving all its groups away; sets load factor 0 and standby'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "status" -d 'Show a backend'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "list" -d 'List backends'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "force-move" -d 'Move users of a backend to other backends of its site while they log in'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "pin" -d 'Send users to a backend by name, to try it out: it may be in standby'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "unpin" -d 'Let pinned users go back to where their groups are'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from backend" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -f -a "move" -d 'Start moving a group to another backend of its site'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -f -a "status" -d 'Show a group'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -f -a "update" -d 'Set flags of a group'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -f -a "list" -d 'List groups'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from group" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -f -a "access" -d 'Look users up as a login would, and print their backends'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -f -a "delete" -d 'Delete a user\'s row'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -f -a "move" -d 'Start moving a user to another group'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -f -a "status" -d 'Show a user'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -f -a "list" -d 'List users'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from user" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -f -a "init" -d 'Create the tables that do not exist'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -f -a "refresh" -d 'Let a running Hale read everything again'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -f -a "copy" -d 'Copy all rows of one GeoDB into another'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -f -a "show" -d 'Print a table, or how many rows each table has'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from geodb" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from localdb" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from localdb" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from localdb" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from localdb" -f -a "user" -d 'Users that are remembered'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from localdb" -f -a "group" -d 'Groups that are remembered'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from localdb" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from kick" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from kick" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from kick" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "tag" -d 'Tags: shards of sites'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "site" -d 'Sites'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "backend" -d 'Backends'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "group" -d 'User groups'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "user" -d 'Users'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "geodb" -d 'The GeoDB itself'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "localdb" -d 'What this proxy remembers of users and groups, in case the GeoDB does not answer'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "kick" -d 'End a user\'s connections'
complete -c hale -n "__fish_hale_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -f -a "init" -d 'Create the tables that do not exist'
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -f -a "refresh" -d 'Let a running Hale read everything again'
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -f -a "copy" -d 'Copy all rows of one GeoDB into another'
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -f -a "show" -d 'Print a table, or how many rows each table has'
complete -c hale -n "__fish_hale_using_subcommand geodb; and not __fish_seen_subcommand_from init refresh copy show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from init" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from init" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from refresh" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from refresh" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from refresh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from copy" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from copy" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from copy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from show" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from show" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from help" -f -a "init" -d 'Create the tables that do not exist'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from help" -f -a "refresh" -d 'Let a running Hale read everything again'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from help" -f -a "copy" -d 'Copy all rows of one GeoDB into another'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print a table, or how many rows each table has'
complete -c hale -n "__fish_hale_using_subcommand geodb; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand explain" -l as-site -d 'As a proxy of this site would decide (name or id)' -r
complete -c hale -n "__fish_hale_using_subcommand explain" -l if-offline -d 'As if this backend were offline, or this site or load balancer, with all its groups failed over; may be repeated' -r
complete -c hale -n "__fish_hale_using_subcommand explain" -l tag -d 'The tag that the password database gives the user (`cluster_tag`)' -r
complete -c hale -n "__fish_hale_using_subcommand explain" -s c -l config -d 'The configuration file' -r -F
complete -c hale -n "__fish_hale_using_subcommand explain" -s f -l format -d 'Output format of commands' -r -f -a "flow\t'key=value key=value, one line per record'
pager\t'key: value lines, records separated by a form feed'
tab\t'A header line and records, fields separated by tabs'
table\t'Aligned columns'
json\t'An array of objects'"
complete -c hale -n "__fish_hale_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "run" -d 'Serve in the foreground (systemd: Type=notify)'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "check-config" -d 'Read the configuration and report every mistake; exits 0 or 78'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "check-sandbox" -d 'Try from inside the sandbox what it has to refuse; exits 0 if all of it is refused, 78 otherwise'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "check-host" -d 'Compare this host with what it should be for the configured number of sessions; exits 78 if something must change'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "config" -d 'Print the effective settings in Dovecot\'s language'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "import" -d 'Write a configuration out of HAProxy\'s and Dovecot\'s'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "top" -d 'Backends and what they are used for, on a page that is drawn anew each second'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "status" -d 'What runs: cores, listeners, sessions, counters, memory, databases, certificates'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "who" -d 'Who is logged in, as `doveadm who` prints it'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "kick" -d 'End sessions, as `doveadm kick` does'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "reload" -d 'Read the configuration again, and put it in force as a whole or not at all'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "listener" -d 'Listeners: which accept, and which do not'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "trace" -d 'What passes in a user\'s sessions, as it passes, without credentials'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "cluster" -d 'Sites, backends, groups and users'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "geodb" -d 'The `GeoDB` itself'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "explain" -d 'A login as it would go now, step by step, without logging in and without writing'
complete -c hale -n "__fish_hale_using_subcommand help; and not __fish_seen_subcommand_from run check-config check-sandbox check-host config import top status who kick reload listener trace cluster geodb explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from listener" -f -a "list" -d 'All listeners of the configuration'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from listener" -f -a "drain" -d 'Stop accepting: clients and balancers that connect are refused by the kernel. Sessions go on'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from listener" -f -a "resume" -d 'Accept again'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "tag" -d 'Tags: shards of sites'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "site" -d 'Sites'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "backend" -d 'Backends'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "group" -d 'User groups'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "user" -d 'Users'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "geodb" -d 'The GeoDB itself'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "localdb" -d 'What this proxy remembers of users and groups, in case the GeoDB does not answer'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "kick" -d 'End a user\'s connections'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from geodb" -f -a "init" -d 'Create the tables that do not exist'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from geodb" -f -a "refresh" -d 'Let a running Hale read everything again'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from geodb" -f -a "copy" -d 'Copy all rows of one GeoDB into another'
complete -c hale -n "__fish_hale_using_subcommand help; and __fish_seen_subcommand_from geodb" -f -a "show" -d 'Print a table, or how many rows each table has'
