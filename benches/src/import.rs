//! T9: importing people from a CSV file: read, understood, normalised, looked for among those who are there, written with an
//! event each. The peer inserts the same contacts, which were made ready before, into the same table under the same
//! indexes, that of the search among them, and nothing else. Also how much memory this process had at most meanwhile.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use crm_core::id::ImportId;
use crm_core::import::{Duplicates, Options, inspect};
use uuid::Uuid;

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::{Outcome, memory, seed};

/// Who stands in a row of the file, and what the peer inserts.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) external_id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) day: usize,
    pub(crate) month: usize,
    pub(crate) year: usize,
    pub(crate) company: String,
}

impl Person {
    pub(crate) fn of(number: usize) -> Self {
        Self {
            external_id: format!("c{number}"),
            name: format!("Алишер Каримов {number:07}"),
            email: format!("person{number}@example.uz"),
            phone: format!("+99890{:07}", number % 10_000_000),
            day: number % 28 + 1,
            month: number % 12 + 1,
            year: 1900 + number % 90 + 10,
            company: format!("Компания {}", number % 1_000),
        }
    }
}

/// The person's row.
fn row(text: &mut String, number: usize) {
    let Person {
        external_id,
        name,
        email,
        phone,
        day,
        month,
        year,
        company,
    } = Person::of(number);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{external_id},{name},{email},{phone},regular,{day:02}.{month:02}.{year},{company},Директор,ru,gold;vip",
    );
}

fn write(path: &Path, count: usize) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut text = String::from(
        "external_id,name,email,phone,segment,birthday,company,position,language,tags\n",
    );
    for number in 0..count {
        row(&mut text, number);
        if text.len() > 1 << 16 {
            file.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    file.write_all(text.as_bytes())?;
    Ok(file.flush()?)
}

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(
    site: &Site,
    folder: &Path,
    count: usize,
    runs: usize,
) -> Outcome<Vec<Figure>> {
    let (base, copy) = ("import_base", "import_run");
    let path = folder.join("people.csv");
    write(&path, count)?;
    site.create(base).await?;
    {
        let world = site.world(base).await?;
        // Others than those of the file, and enough of them: figures of one row mislead a planner.
        let known = seed::people(1_000_000_000, 1_000);
        let contacts = world.session();
        contacts
            .contacts()
            .import_file(known.as_bytes(), &Options::default())
            .await?;
        world.worker().run_until_idle().await?;
    }
    site.settle(base).await?;
    let (mut pairs, mut peaks) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for run in 0..runs {
        site.copy(base, copy).await?;
        memory::forget()?;
        pairs.push((ours(site, copy, &path, count, run).await?, 0.0));
        peaks.push((memory::peak()?, 200.0));
        site.copy(base, copy).await?;
        let mut raw = site.raw(copy).await?;
        let took = raw.insert_contacts(count).await?;
        raw.close().await?;
        if let Some(pair) = pairs.last_mut() {
            pair.1 = rate(count, took);
        }
    }
    site.remove(base).await?;
    site.remove(copy).await?;
    let rows = Names {
        id: "T9",
        work: "import a CSV file".to_owned(),
        peer_work: "raw insert of contacts".to_owned(),
        better: Better::More,
    };
    let held = Names {
        id: "T9",
        work: "memory of the process, MB".to_owned(),
        peer_work: "200 MB".to_owned(),
        better: Better::Less,
    };
    let mut held = Figure::new(held, count, peaks, 1.0);
    held.unit = "MB";
    Ok(vec![Figure::new(rows, count, pairs, 0.6), held])
}

async fn ours(site: &Site, name: &str, path: &Path, count: usize, run: usize) -> Outcome<f64> {
    let world = site.world(name).await?;
    let session = world.session();
    let start = Instant::now();
    let mut file = BufReader::new(File::open(path)?);
    let found = inspect(&mut file, &Options::default())?;
    let id = ImportId(Uuid::from_u128(
        (0x019a_bcde_f012_u128 << 80) | (7 << 76) | (2 << 62) | run as u128,
    ));
    let contacts = session.contacts();
    let mut import = contacts.import(id, file, &found, Duplicates::Skip)?;
    let mut created = 0;
    while let Some(part) = import.step().await? {
        created += part.created;
    }
    let took = start.elapsed();
    site.tell(name).await?;
    if usize::try_from(created)? != count {
        return Err(format!("{created} of {count} people were imported").into());
    }
    Ok(rate(count, took))
}
