//! Dovecot's commands that HTTP has: their parameters, and what the fields of their rows are called (W-DOV-7).

/// A command: name, words, parameters, titles.
pub(super) type Row = (&'static str, &'static str, &'static [(&'static str, Form)], Titles);

/// What a parameter becomes on the command line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// An option without a value.
    Flag(&'static str),
    /// An option with a value.
    Text(&'static str),
    /// A word in its place.
    Word,
    /// All words from its place on.
    Words,
    /// Words that are one on the command line.
    Joined,
    /// The user.
    User,
    /// What a command line reads from its input.
    Input,
}

/// What the fields of its rows are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Titles {
    /// Hale says it: its own command.
    Own,
    /// These; the user's backend says the rows.
    These(&'static [&'static str]),
    /// These, and behind them what `field` asks for, in the order in which it does.
    AsAsked(&'static [&'static str]),
    /// These, unless `totalSum` leaves no mailbox to name, and behind them what `field` asks for, in an order of their own.
    Ordered(&'static [&'static str], &'static [&'static str]),
}

const SOCKET: (&str, Form) = ("socketPath", Form::Text("-a"));
const USER: (&str, Form) = ("user", Form::User);
const QUERY: (&str, Form) = ("query", Form::Words);
const MAILBOX: (&str, Form) = ("mailbox", Form::Words);
const ONE_MAILBOX: (&str, Form) = ("mailbox", Form::Word);
const NO_MAILBOX: (&str, Form) = ("allowEmptyMailboxName", Form::Flag("-s"));
const KEY: (&str, Form) = ("key", Form::Word);
const SCRIPT: (&str, Form) = ("scriptname", Form::Word);
const COPIED: &[(&str, Form)] = &[
    USER,
    ("destinationMailbox", Form::Word),
    ("sourceType", Form::Word),
    ("sourceUser", Form::Word),
    QUERY,
];
const SUBSCRIPTIONS: (&str, Form) = ("subscriptions", Form::Flag("-s"));
const NONE: Titles = Titles::These(&[]);
const STATUSES: &[&str] = &[
    "messages",
    "recent",
    "uidnext",
    "uidvalidity",
    "unseen",
    "highestmodseq",
    "vsize",
    "guid",
    "firstsaved",
];

pub(super) const ROWS: &[Row] = &[
    (
        "who",
        "who",
        &[SOCKET, ("separateConnections", Form::Flag("-1")), ("mask", Form::Words)],
        Titles::Own,
    ),
    ("kick", "kick", &[SOCKET, ("force", Form::Flag("-f")), ("mask", Form::Words)], Titles::Own),
    ("proxyList", "proxy list", &[SOCKET], Titles::Own),
    (
        "proxyKick",
        "proxy kick",
        &[SOCKET, ("passdbField", Form::Text("-f")), ("user", Form::Words)],
        Titles::Own,
    ),
    ("penalty", "penalty", &[SOCKET, ("netmask", Form::Word)], Titles::Own),
    ("reload", "reload", &[], Titles::Own),
    ("stop", "stop", &[], Titles::Own),
    (
        "mailboxList",
        "mailbox list",
        &[
            USER,
            ("mutf7", Form::Flag("-7")),
            ("utf8", Form::Flag("-8")),
            SUBSCRIPTIONS,
            ("mailboxMask", Form::Words),
        ],
        Titles::These(&["mailbox"]),
    ),
    (
        "mailboxStatus",
        "mailbox status",
        &[
            USER,
            ("totalSum", Form::Flag("-t")),
            ("field", Form::Joined),
            ("mailboxMask", Form::Words),
        ],
        Titles::Ordered(&["mailbox"], STATUSES),
    ),
    (
        "mailboxCreate",
        "mailbox create",
        &[USER, SUBSCRIPTIONS, ("guid", Form::Text("-g")), MAILBOX],
        NONE,
    ),
    (
        "mailboxDelete",
        "mailbox delete",
        &[
            USER,
            ("requireEmpty", Form::Flag("-e")),
            SUBSCRIPTIONS,
            ("recursive", Form::Flag("-r")),
            ("unsafe", Form::Flag("-Z")),
            MAILBOX,
        ],
        NONE,
    ),
    (
        "mailboxMetadataSet",
        "mailbox metadata set",
        &[USER, NO_MAILBOX, ONE_MAILBOX, KEY, ("value", Form::Word)],
        NONE,
    ),
    ("mailboxMetadataUnset", "mailbox metadata unset", &[USER, NO_MAILBOX, ONE_MAILBOX, KEY], NONE),
    (
        "mailboxMetadataGet",
        "mailbox metadata get",
        &[USER, NO_MAILBOX, ONE_MAILBOX, KEY],
        Titles::These(&["value"]),
    ),
    (
        "mailboxMetadataList",
        "mailbox metadata list",
        &[
            USER,
            NO_MAILBOX,
            ("prependPrefix", Form::Flag("-p")),
            ONE_MAILBOX,
            ("keyPrefix", Form::Word),
        ],
        Titles::These(&["key"]),
    ),
    (
        "mailboxPath",
        "mailbox path",
        &[USER, ("type", Form::Text("-t")), MAILBOX],
        Titles::These(&["path"]),
    ),
    (
        "mailboxRename",
        "mailbox rename",
        &[USER, SUBSCRIPTIONS, ("mailbox", Form::Word), ("newName", Form::Word)],
        NONE,
    ),
    ("mailboxSubscribe", "mailbox subscribe", &[USER, MAILBOX], NONE),
    ("mailboxUnsubscribe", "mailbox unsubscribe", &[USER, MAILBOX], NONE),
    ("fetch", "fetch", &[USER, ("field", Form::Joined), QUERY], Titles::AsAsked(&[])),
    ("search", "search", &[USER, QUERY], Titles::These(&["mailbox-guid", "uid"])),
    ("expunge", "expunge", &[USER, ("deleteEmptyMailbox", Form::Flag("-d")), QUERY], NONE),
    ("flagsAdd", "flags add", &[USER, ("flag", Form::Joined), QUERY], NONE),
    ("flagsRemove", "flags remove", &[USER, ("flag", Form::Joined), QUERY], NONE),
    ("flagsReplace", "flags replace", &[USER, ("flag", Form::Joined), QUERY], NONE),
    ("save", "save", &[USER, ("mailbox", Form::Text("-m")), ("file", Form::Input)], NONE),
    ("copy", "copy", COPIED, NONE),
    ("move", "move", COPIED, NONE),
    ("altmove", "altmove", &[USER, ("reverse", Form::Flag("-r")), QUERY], NONE),
    ("deduplicate", "deduplicate", &[USER, ("byMsgid", Form::Flag("-m")), QUERY], NONE),
    (
        "index",
        "index",
        &[
            USER,
            ("queue", Form::Flag("-q")),
            ("maxRecent", Form::Text("-n")),
            ("mailboxMask", Form::Word),
        ],
        NONE,
    ),
    (
        "forceResync",
        "force-resync",
        &[USER, ("fsck", Form::Flag("-f")), ("mailboxMask", Form::Word)],
        NONE,
    ),
    ("purge", "purge", &[USER], NONE),
    (
        "quotaGet",
        "quota get",
        &[USER],
        Titles::These(&["root", "type", "value", "limit", "percent"]),
    ),
    ("quotaRecalc", "quota recalc", &[USER], NONE),
    ("sieveList", "sieve list", &[USER], Titles::These(&["script", "active"])),
    ("sieveGet", "sieve get", &[USER, SCRIPT], Titles::These(&["sieve script"])),
    (
        "sievePut",
        "sieve put",
        &[USER, ("activate", Form::Flag("-a")), SCRIPT, ("file", Form::Input)],
        NONE,
    ),
    (
        "sieveDelete",
        "sieve delete",
        &[USER, ("ignoreActive", Form::Flag("-a")), ("scriptname", Form::Words)],
        NONE,
    ),
    ("sieveActivate", "sieve activate", &[USER, SCRIPT], NONE),
    ("sieveDeactivate", "sieve deactivate", &[USER], NONE),
    (
        "sieveRename",
        "sieve rename",
        &[USER, ("oldname", Form::Word), ("newname", Form::Word)],
        NONE,
    ),
];
