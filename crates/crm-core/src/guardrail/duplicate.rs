//! The same text for many people: exact repeats and texts that differ in little but the name.

use std::collections::{BTreeMap, HashMap};

use super::fold::{latin, same_name};
use super::text::Text;

/// Hashes of a signature. 128 estimate the likeness to about 0.04 (one standard deviation at 0.8).
const HASHES: usize = 128;
/// Hashes of a band: texts that agree in one band are compared. With 32 bands of 4, a pair of likeness
/// 0.8 is compared with probability 0.9999998, one of 0.3 with 0.23.
const BAND: usize = 4;
/// Words of a shingle.
const SHINGLE: usize = 3;
/// Most texts of a bucket that are each compared with the new one: the work stays linear in the texts.
const BUCKET: usize = 8;

/// One text of a campaign.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// The contact's name, which is left out of the comparison.
    pub name: &'a str,
    /// The content.
    pub content: &'a str,
}

/// Texts that are alike, by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// In ascending order, two or more.
    pub members: Vec<usize>,
    /// Whether all are the same but for the name.
    pub exact: bool,
}

/// The groups among the texts, in the order of their first members. `likeness` is the share of three-word
/// shingles two texts have in common from which on they are alike: 0.8 is a sensible one. A group is what hangs
/// together by pairs, so that its ends may be less alike. Blank texts are in no group.
#[must_use]
pub fn groups(letters: &[Letter<'_>], likeness: f64) -> Vec<Group> {
    let mut parents: Vec<usize> = (0..letters.len()).collect();
    let (mut exact, mut texts): (HashMap<String, usize>, Vec<String>) =
        (HashMap::new(), Vec::new());
    let mut signatures: Vec<Option<Vec<u64>>> = Vec::new();
    let mut buckets: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
    for (at, letter) in letters.iter().enumerate() {
        let words = words(letter);
        let text = words.join(" ");
        if text.is_empty() {
            signatures.push(None);
            texts.push(text);
            continue;
        }
        if let Some(first) = exact.get(&text) {
            join(&mut parents, *first, at);
            // Its twin stands for it.
            signatures.push(None);
            texts.push(text);
            continue;
        }
        exact.insert(text.clone(), at);
        let signature = signature(&words);
        for (band, hashes) in signature.chunks(BAND).enumerate() {
            let bucket = buckets
                .entry((band, hash(band as u64, hashes)))
                .or_default();
            for other in bucket.iter() {
                let like = signatures
                    .get(*other)
                    .and_then(Option::as_ref)
                    .map_or(0.0, |s| alike(s, &signature));
                if like >= likeness {
                    join(&mut parents, *other, at);
                }
            }
            if bucket.len() < BUCKET {
                bucket.push(at);
            }
        }
        signatures.push(Some(signature));
        texts.push(text);
    }
    let mut by_root: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..letters.len() {
        by_root.entry(root(&mut parents, at)).or_default().push(at);
    }
    by_root
        .into_values()
        .filter(|members| members.len() > 1)
        .map(|members| {
            let first = members.first().and_then(|at| texts.get(*at));
            let exact = members.iter().all(|at| texts.get(*at) == first);
            Group { members, exact }
        })
        .collect()
}

/// The words without the contact's name.
fn words(letter: &Letter<'_>) -> Vec<String> {
    let name: Vec<String> = Text::new(letter.name)
        .words
        .iter()
        .map(|word| latin(&word.text))
        .collect();
    Text::new(letter.content)
        .words
        .into_iter()
        .filter(|word| {
            let form = latin(&word.text);
            !(word.capital && name.iter().any(|name| same_name(name, &form)))
        })
        .map(|word| word.text)
        .collect()
}

/// The least hash of all shingles under each of the hash functions.
fn signature(words: &[String]) -> Vec<u64> {
    let shingles: Vec<u64> = if words.len() < SHINGLE {
        vec![text_hash(words)]
    } else {
        words.windows(SHINGLE).map(text_hash).collect()
    };
    (0..HASHES as u64)
        .map(|seed| {
            shingles
                .iter()
                .map(|shingle| mix(shingle ^ mix(seed + 1)))
                .min()
                .unwrap_or_default()
        })
        .collect()
}

fn alike(a: &[u64], b: &[u64]) -> f64 {
    let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
    f64::from(u32::try_from(same).unwrap_or_default())
        / f64::from(u32::try_from(HASHES).unwrap_or(1))
}

/// FNV-1a, then mixed: the same on every machine and in every version, as a report has to be.
fn text_hash(words: &[String]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    mix(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }))
}

fn hash(seed: u64, hashes: &[u64]) -> u64 {
    hashes.iter().fold(mix(seed), |seed, hash| mix(seed ^ hash))
}

/// The finaliser of SplitMix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while let Some(&parent) = parents.get(at)
        && parent != at
    {
        // Halves the way for the next one who asks.
        let above = parents.get(parent).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(at) {
            *slot = above;
        }
        at = above;
    }
    at
}

/// The lower place is the root, so that groups come in the order of their first members.
fn join(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    if let Some(slot) = parents.get_mut(a.max(b)) {
        *slot = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "поздравляем вас с днём рождения и желаем крепкого здоровья радости и успехов во всех ваших \
        начинаниях пусть новый год жизни принесёт много светлых дней спасибо что вы с нами";

    #[test]
    fn texts_that_differ_in_the_name_are_the_same_and_in_a_word_nearly() {
        let a = format!("Анна, {LONG}");
        let b = format!("Пётр, {LONG}!");
        let c = format!("Ольга, {LONG} всегда");
        let letters = [
            Letter {
                name: "Анна Иванова",
                content: &a,
            },
            Letter {
                name: "Иван Ли",
                content: "Иван, ждём вас в среду на встрече, будет кофе и разговор о планах.",
            },
            Letter {
                name: "Пётр",
                content: &b,
            },
            Letter {
                name: "",
                content: " ",
            },
            Letter {
                name: "Ольга",
                content: &c,
            },
            Letter {
                name: "",
                content: "",
            },
        ];
        let found = groups(&letters, 0.8);
        assert_eq!(
            found,
            [Group {
                members: vec![0, 2, 4],
                exact: false
            }]
        );
        assert_eq!(
            groups(&letters[..4], 0.8),
            [Group {
                members: vec![0, 2],
                exact: true
            }]
        );
    }

    #[test]
    fn ten_thousand_repeats_are_one_group() {
        let letter = Letter {
            name: "",
            content: LONG,
        };
        let found = groups(&vec![letter; 10_000], 0.8);
        assert_eq!(
            (found.len(), found[0].members.len(), found[0].exact),
            (1, 10_000, true)
        );
    }
}
