//! The marker: a small file outside the database that knows how far the database had come.
//!
//! Database and marker hold the same id and a number each. The number grows with every transaction that
//! begins attempts, and about once a second with others: first in the database, in the transaction itself,
//! then, before anybody hears of its success, in the marker. So the marker is never ahead of the database,
//! unless the database went back to an older state: then nothing leaves ([`crm_core::hold`]). Nothing is
//! written to the marker on hold. The end of a hold gives both a new id.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as Io, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_core::hold::{Hold, HoldReason};
use crm_core::{Error, ErrorKind};
use rusqlite::{Connection, OptionalExtension as _};

use crate::fault::Outcome;

/// How often the number grows at most for transactions that begin nothing, and how often the marker is
/// forced to the disk: a loss of power may set it back by that, which hides no more than what was written
/// in that time.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest marker ever written is 54 bytes.
const LONGEST: u64 = 200;

/// How far the database has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    id: String,
    number: i64,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.number)
    }
}

/// What the marker says.
#[derive(Debug, PartialEq, Eq)]
enum Marked {
    Nothing,
    /// Not what this program writes.
    Nonsense,
    State(State),
}

/// The marker of one database.
#[derive(Debug, Clone)]
pub(crate) struct Marker(Arc<PathBuf>);

impl Marker {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(Arc::new(path))
    }

    /// Marks a database in which nothing was written yet. Another database may have been at its place.
    pub(crate) fn begin(&self, connection: &Connection) -> Outcome<()> {
        let marked = self.read()?;
        match noted(connection)? {
            Some(state) if state.number == 0 && compare(Some(&state), &marked).is_none() => {
                self.write(&state, true)
            }
            _ => Ok(()),
        }
    }

    /// Whether the database of this connection went back.
    pub(crate) fn look(&self, connection: &Connection) -> Outcome<Option<Hold>> {
        // In this order: meanwhile others go on, first in the database and then in the marker.
        let marked = self.read()?;
        Ok(compare(noted(connection)?.as_ref(), &marked))
    }

    /// # Errors
    /// `OnHold`.
    pub(crate) fn check(&self, connection: &Connection) -> Outcome<()> {
        self.look(connection)?
            .map_or(Ok(()), |hold| Err(hold.refuse().into()))
    }

    /// Gives the database a new id, if it is on the hold `seen`; what to write to the marker after the
    /// commit.
    pub(crate) fn lift(&self, connection: &Connection, seen: &Hold) -> Outcome<State> {
        let marked = self.read()?;
        let noted = noted(connection)?;
        if compare(noted.as_ref(), &marked).as_ref() != Some(seen) {
            return Err(Hold::another().into());
        }
        Ok(connection.query_row(
            "INSERT INTO crm_place (one, id, number) VALUES (1, lower(hex(randomblob(16))), 1) \
             ON CONFLICT DO UPDATE SET id = excluded.id, number = number + 1 RETURNING id, number",
            [],
            state,
        )?)
    }

    fn read(&self) -> Outcome<Marked> {
        match File::open(&*self.0) {
            Ok(file) => read(file),
            Err(error) if error.kind() == Io::NotFound => Ok(Marked::Nothing),
            Err(_) => Err(unusable()),
        }
    }

    /// Writes the state, unless somebody has written a later one of the same database.
    fn write(&self, state: &State, sync: bool) -> Outcome<()> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        // Whoever could change it could have everything sent again.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&*self.0).map_err(|_| unusable())?;
        // Several programs may write to the database, one after the other; their ways to the marker may
        // cross.
        file.lock().map_err(|_| unusable())?;
        let later = match read(&file)? {
            Marked::State(there) => there.id == state.id && there.number >= state.number,
            _ => false,
        };
        if later {
            return Ok(());
        }
        replace(&file, state, sync).map_err(|_| unusable())
    }
}

/// In place: one short write is either done or not when the program is killed.
fn replace(mut file: &File, state: &State, sync: bool) -> std::io::Result<()> {
    let text = format!("{} {:020}\n", state.id, state.number);
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    if sync { file.sync_data() } else { Ok(()) }
}

fn read(file: impl std::io::Read) -> Outcome<Marked> {
    let mut bytes = Vec::new();
    file.take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|_| unusable())?;
    if bytes.is_empty() {
        // Made, and its maker was killed before it wrote.
        return Ok(Marked::Nothing);
    }
    Ok(parse(&bytes).map_or(Marked::Nonsense, Marked::State))
}

fn parse(bytes: &[u8]) -> Option<State> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (id, number) = text.strip_suffix('\n')?.split_once(' ')?;
    Some(State {
        id: id.to_owned(),
        number: number.parse().ok()?,
    })
}

fn noted(connection: &Connection) -> Outcome<Option<State>> {
    Ok(connection
        .prepare_cached("SELECT id, number FROM crm_place")?
        .query_row([], state)
        .optional()?)
}

fn state(row: &rusqlite::Row<'_>) -> rusqlite::Result<State> {
    Ok(State {
        id: row.get(0)?,
        number: row.get(1)?,
    })
}

fn compare(noted: Option<&State>, marked: &Marked) -> Option<Hold> {
    let reason = match (noted, marked) {
        (None, _) => HoldReason::Restored,
        (Some(noted), Marked::State(marked)) if noted.id == marked.id => {
            if marked.number <= noted.number {
                return None;
            }
            HoldReason::Restored
        }
        // Nothing was ever written, so nothing can have been lost.
        (Some(noted), _) if noted.number == 0 => return None,
        (Some(_), Marked::State(_)) => HoldReason::Restored,
        (Some(_), Marked::Nothing | Marked::Nonsense) => HoldReason::Moved,
    };
    Some(Hold {
        reason,
        noted: noted.map_or_else(|| "nothing".to_owned(), State::to_string),
        found: match marked {
            Marked::Nothing => "no marker".to_owned(),
            Marked::Nonsense => "a marker that cannot be read".to_owned(),
            Marked::State(marked) => marked.to_string(),
        },
    })
}

fn unusable() -> crate::fault::Fault {
    Error::new(
        ErrorKind::Unavailable,
        "the marker file beside the database cannot be used; check the rights there",
    )
    .into()
}

/// The writer's side: when the number grows.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) marker: Marker,
    grown: Option<Instant>,
    synced: Option<Instant>,
}

impl Place {
    pub(crate) const fn new(marker: Marker) -> Self {
        Self {
            marker,
            grown: None,
            synced: None,
        }
    }

    /// Lets the number grow as part of the transaction, when it is time; what to write to the marker
    /// after the commit.
    pub(crate) fn grow(&mut self, connection: &Connection, begins: bool) -> Outcome<Option<State>> {
        if !begins && self.grown.is_some_and(|grown| grown.elapsed() < PAUSE) {
            return Ok(None);
        }
        self.grown = Some(Instant::now());
        if self.marker.look(connection)?.is_some() {
            return Ok(None);
        }
        Ok(connection
            .prepare_cached("UPDATE crm_place SET number = number + 1 RETURNING id, number")?
            .query_row([], state)
            .optional()?)
    }

    /// Writes what was committed.
    pub(crate) fn mark(&mut self, state: &State) -> Outcome<()> {
        let sync = self.synced.is_none_or(|synced| synced.elapsed() >= PAUSE);
        self.marker.write(state, sync)?;
        if sync {
            self.synced = Some(Instant::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(id: &str, number: i64) -> State {
        State {
            id: id.to_owned(),
            number,
        }
    }

    fn reason(noted: Option<State>, marked: Marked) -> Option<HoldReason> {
        compare(noted.as_ref(), &marked).map(|hold| hold.reason)
    }

    #[test]
    fn only_a_marker_that_is_not_ahead_lets_anything_leave() {
        let marked = |id: &str, number| Marked::State(at(id, number));
        assert_eq!(reason(Some(at("a", 7)), marked("a", 7)), None);
        assert_eq!(reason(Some(at("a", 7)), marked("a", 3)), None);
        let restored = Some(HoldReason::Restored);
        assert_eq!(reason(Some(at("a", 7)), marked("a", 8)), restored);
        assert_eq!(reason(Some(at("a", 0)), marked("a", 1)), restored);
        assert_eq!(reason(Some(at("a", 7)), marked("b", 1)), restored);
        assert_eq!(reason(None, marked("a", 1)), restored);
        let moved = Some(HoldReason::Moved);
        assert_eq!(reason(Some(at("a", 7)), Marked::Nothing), moved);
        assert_eq!(reason(Some(at("a", 7)), Marked::Nonsense), moved);
        for marked in [Marked::Nothing, Marked::Nonsense, marked("b", 9)] {
            assert_eq!(reason(Some(at("a", 0)), marked), None);
        }
    }

    #[test]
    fn a_marker_never_goes_back_within_one_database() {
        let folder = tempfile::tempdir().unwrap();
        let marker = Marker::at(folder.path().join("place"));
        let found = || marker.read().ok().unwrap();
        assert_eq!(found(), Marked::Nothing);
        marker.write(&at("a", 5), true).ok().unwrap();
        marker.write(&at("a", 4), false).ok().unwrap();
        assert_eq!(found(), Marked::State(at("a", 5)));
        marker.write(&at("bb", 1), false).ok().unwrap();
        assert_eq!(found(), Marked::State(at("bb", 1)));
        std::fs::write(&*marker.0, "x").unwrap();
        assert_eq!(found(), Marked::Nonsense);
    }
}
