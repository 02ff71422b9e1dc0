//! What must happen, written by hand from the specification; nothing here is computed from the code.
//!
//! A cell is the status afterwards or why not: `D`raft, `P`ending approval, `A`pproved, `C`laimed, `S`ending,
//! sen`T`, deli`V`ered, `F`ailed, `U`ncertain, `R`ejected, cancelled `X`, `E`xpired, `0` hidden; `=` done, and
//! the message is as it was; `+` the same, but for evidence in its history, `!` which says that it left or
//! may leave twice; `.` left out of a bulk decision;
//! `-` not allowed, `f` forbidden, `c` conflict.

use crm_core::Role;
use crm_core::message::Status;

use super::commands::Command;

/// What people with the right to write may do; admins do the same and what stands in [`ADMIN`].
const MANAGER: &str = "
                     draft pending approved claimed sending sent delivered failed uncertain rejected cancelled expired
submit               P     -       -        -       -       -    -         -      -         -        -         -
edit                 D     P       P        -       -       -    -         -      -         P        -         -
reschedule           D     P       P        -       -       -    -         -      -         -        -         -
regenerate           D     P       P        -       -       -    -         -      -         P        -         -
approve              A     A       -        -       -       -    -         -      -         -        -         -
reject               R     R       R        -       -       -    -         -      -         -        -         -
cancel               X     X       X        -       -       -    -         -      -         -        -         -
delete               0     0       0        -       -       -    -         -      -         0        0         0
send                 -     -       =        =       =       -    -         A      -         -        -         -
resolve_sent         -     -       -        -       -       -    -         -      T         -        -         -
resolve_resend       -     -       -        -       -       -    -         -      A         -        -         -
resolve_failed       -     -       -        -       -       -    -         -      F         -        -         -
bulk_approve         A     A       .        .       .       .    .         .      .         .        .         .
bulk_reject          R     R       R        .       .       .    .         .      .         .        .         .
bulk_cancel          X     X       X        .       .       .    .         .      .         .        .         .
bulk_resolve_sent    .     .       .        .       .       .    .         .      T         .        .         .
bulk_resolve_resend  .     .       .        .       .       .    .         .      A         .        .         .
bulk_resolve_failed  .     .       .        .       .       .    .         .      F         .        .         .
change_address       D     P       P        =       =       =    =         =      =         =        =         =
opt_out              D     P       P        =       =       =    =         =      =         =        =         =
suppress             =     =       =        =       =       =    =         =      =         =        =         =
erase                f     f       f        f       f       f    f         f      f         f        f         f
acknowledge_hold     f     f       f        f       f       f    f         f      f         f        f         f
begin                c     c       c        f       c       c    c         c      c         c        c         c
begin_readdressed    c     c       c        -       c       c    c         c      c         c        c         c
repeat               .     .       .        .       .       .    .         .      f         .        .         .
postpone             f     f       f        f       f       f    f         f      f         f        f         f
take_back            f     f       f        f       f       f    f         f      f         f        f         f
expire               f     f       f        f       f       f    f         f      f         f        f         f
record_accepted      +     +       !        !       f       =    =         +      f         +        +         +
record_rejected      +     +       +        +       f       +    +         =      f         +        +         +
record_later         +     +       +        +       f       +    +         +      f         +        +         +
record_unknown       =     =       =        =       f       =    =         =      =         =        =         =
";

const ADMIN: &str = "
erase                X     X       X        =       =       =    =         =      =         =        =         =
acknowledge_hold     =     =       U        U       =       =    =         =      =         =        =         =
";

/// The worker: it writes and delivers, and decides nothing.
const SYSTEM: &str = "
                     draft pending approved claimed sending sent delivered failed uncertain rejected cancelled expired
submit               P     -       -        -       -       -    -         -      -         -        -         -
edit                 D     P       -        -       -       -    -         -      -         -        -         -
reschedule           f     f       f        f       f       f    f         f      f         f        f         f
regenerate           D     P       -        -       -       -    -         -      -         -        -         -
approve              f     f       f        f       f       f    f         f      f         f        f         f
reject               f     f       f        f       f       f    f         f      f         f        f         f
cancel               X     X       X        X       -       -    -         -      -         -        -         -
delete               0     0       0        0       -       -    -         -      -         0        0         0
send                 -     -       =        =       =       -    -         f      -         -        -         -
resolve_sent         f     f       f        f       f       f    f         f      f         f        f         f
resolve_resend       f     f       f        f       f       f    f         f      f         f        f         f
resolve_failed       f     f       f        f       f       f    f         f      f         f        f         f
bulk_approve         .     .       .        .       .       .    .         .      .         .        .         .
bulk_reject          .     .       .        .       .       .    .         .      .         .        .         .
bulk_cancel          X     X       X        X       .       .    .         .      .         .        .         .
bulk_resolve_sent    .     .       .        .       .       .    .         .      .         .        .         .
bulk_resolve_resend  .     .       .        .       .       .    .         .      .         .        .         .
bulk_resolve_failed  .     .       .        .       .       .    .         .      .         .        .         .
change_address       f     f       f        f       f       f    f         f      f         f        f         f
opt_out              f     f       f        f       f       f    f         f      f         f        f         f
suppress             =     =       =        =       =       =    =         =      =         =        =         =
erase                f     f       f        f       f       f    f         f      f         f        f         f
acknowledge_hold     f     f       f        f       f       f    f         f      f         f        f         f
begin                c     c       c        S       c       c    c         c      c         c        c         c
begin_readdressed    c     c       c        P       c       c    c         c      c         c        c         c
repeat               .     .       .        .       .       .    .         .      S         .        .         .
postpone             -     -       -        A       -       -    -         -      -         -        -         -
take_back            -     -       -        A       U       -    -         -      -         -        -         -
expire               E     E       E        E       -       -    -         -      -         -        -         -
record_accepted      +     +       !        !       T       =    =         +      T         +        +         +
record_rejected      +     +       +        +       F       +    +         =      F         +        +         +
record_later         +     +       +        +       A       +    +         +      F         +        +         +
record_unknown       =     =       =        =       U       =    =         =      =         =        =         =
";

/// Viewers change nothing. What of the worker's they are tried with is refused, or concerns nobody.
const VIEWER: &str = "
                     draft pending approved claimed sending sent delivered failed uncertain rejected cancelled expired
begin                c     c       c        f       c       c    c         c      c         c        c         c
begin_readdressed    c     c       c        f       c       c    c         c      c         c        c         c
repeat               .     .       .        .       .       .    .         .      f         .        .         .
record_accepted      +     +       !        !       f       =    =         +      f         +        +         +
record_rejected      +     +       +        +       f       +    +         =      f         +        +         +
record_later         +     +       +        +       f       +    +         +      f         +        +         +
record_unknown       =     =       =        =       f       =    =         =      =         =        =         =
";

/// What the engine does of itself, without anybody's role.
const ANYBODY: &str = "
                     draft pending approved claimed sending sent delivered failed uncertain rejected cancelled expired
claim                =     =       C        =       =       =    =         =      =         =        =         =
receipt_accepted     =     =       =        =       =       =    =         =      T         =        =         =
receipt_delivered    =     =       =        =       =       V    =         V      V         =        =         =
receipt_failed       =     =       =        =       =       F    =         =      F         =        =         =
";

/// The cell: for every status, command and role there is one.
pub fn cell(status: Status, command: Command, role: Role) -> char {
    let tables: &[&str] = match role {
        Role::Viewer => &[VIEWER],
        Role::Manager => &[MANAGER],
        Role::Admin => &[ADMIN, MANAGER],
        Role::System => &[SYSTEM],
    };
    let mut rows = tables.iter().chain([&ANYBODY]);
    let row = rows.find_map(|table| row(table, command));
    match row {
        Some(cells) => cells[column(status)],
        None if role == Role::Viewer => 'f',
        None => panic!("no row for {} as {}", command.name(), role.as_str()),
    }
}

fn row(table: &str, command: Command) -> Option<Vec<char>> {
    let mut rows = table.lines().filter_map(|line| line.split_once(' '));
    let (_, cells) = rows.find(|(name, _)| *name == command.name())?;
    let cells: Vec<char> = cells
        .split_whitespace()
        .map(|cell| cell.parse().unwrap())
        .collect();
    assert_eq!(cells.len(), Status::ALL.len(), "{}", command.name());
    Some(cells)
}

/// A status that is added has no column until somebody says what is to happen there.
const fn column(status: Status) -> usize {
    match status {
        Status::Draft => 0,
        Status::PendingApproval => 1,
        Status::Approved => 2,
        Status::Claimed => 3,
        Status::Sending => 4,
        Status::Sent => 5,
        Status::Delivered => 6,
        Status::Failed => 7,
        Status::Uncertain => 8,
        Status::Rejected => 9,
        Status::Cancelled => 10,
        Status::Expired => 11,
    }
}

/// The status a cell leads to; `None` where the message does not move.
pub const fn status(cell: char) -> Option<Status> {
    Some(match cell {
        'D' => Status::Draft,
        'P' => Status::PendingApproval,
        'A' => Status::Approved,
        'C' => Status::Claimed,
        'S' => Status::Sending,
        'T' => Status::Sent,
        'V' => Status::Delivered,
        'F' => Status::Failed,
        'U' => Status::Uncertain,
        'R' => Status::Rejected,
        'X' => Status::Cancelled,
        'E' => Status::Expired,
        _ => return None,
    })
}
