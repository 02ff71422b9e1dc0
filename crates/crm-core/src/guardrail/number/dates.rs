//! Names of months, currencies and large numbers in the three languages.

/// The month that a word begins with; case endings and suffixes may follow.
pub(super) fn month(word: &str) -> Option<u32> {
    const SHORT: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const STEMS: &[(&str, u32)] = &[
        ("январ", 1),
        ("феврал", 2),
        ("март", 3),
        ("апрел", 4),
        ("май", 5),
        ("мая", 5),
        ("мае", 5),
        ("маю", 5),
        ("июн", 6),
        ("июл", 7),
        ("август", 8),
        ("сентябр", 9),
        ("октябр", 10),
        ("ноябр", 11),
        ("декабр", 12),
        ("yanvar", 1),
        ("fevral", 2),
        ("mart", 3),
        ("aprel", 4),
        ("may", 5),
        ("iyun", 6),
        ("iyul", 7),
        ("avgust", 8),
        ("sentabr", 9),
        ("sentyabr", 9),
        ("oktabr", 10),
        ("oktyabr", 10),
        ("noyabr", 11),
        ("dekabr", 12),
        ("january", 1),
        ("february", 2),
        ("march", 3),
        ("april", 4),
        ("june", 6),
        ("july", 7),
        ("august", 8),
        ("september", 9),
        ("october", 10),
        ("november", 11),
        ("december", 12),
    ];
    let short = SHORT
        .iter()
        .zip(1..)
        .find(|(name, _)| **name == word || word == "sept" && **name == "sep");
    short.map(|(_, month)| month).or_else(|| {
        STEMS
            .iter()
            .find(|(stem, _)| {
                word.starts_with(stem) && word.chars().count() <= stem.chars().count() + 8
            })
            .map(|(_, month)| *month)
    })
}

/// How many thousands a word multiplies by: 1 for thousand, 2 for million, 3 for a thousand million.
pub(super) fn scale(word: &str) -> Option<u32> {
    match word {
        "k" | "к" | "тыс" | "ming" | "минг" | "thousand" => Some(1),
        "mln" | "млн" | "million" | "миллион" => Some(2),
        "mlrd" | "млрд" | "bn" | "billion" | "milliard" | "миллиард" => Some(3),
        _ if word.starts_with("тысяч") => Some(1),
        _ if word.starts_with("миллион") => Some(2),
        _ if word.starts_with("миллиард") => Some(3),
        _ => None,
    }
}

/// What is counted. Two numbers with different units are different claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Percent,
    Sum,
    Dollar,
    Euro,
    Ruble,
    Pound,
    Tenge,
}

/// The unit a sign stands for.
pub(super) const fn sign(c: char) -> Option<Unit> {
    match c {
        '%' | '٪' | '％' => Some(Unit::Percent),
        '$' => Some(Unit::Dollar),
        '€' => Some(Unit::Euro),
        '₽' => Some(Unit::Ruble),
        '£' => Some(Unit::Pound),
        '₸' => Some(Unit::Tenge),
        _ => None,
    }
}

/// The unit a word stands for.
pub(super) fn unit(word: &str) -> Option<Unit> {
    const STEMS: &[(&str, Unit)] = &[
        ("процент", Unit::Percent),
        ("percent", Unit::Percent),
        ("foiz", Unit::Percent),
        ("фоиз", Unit::Percent),
        ("сум", Unit::Sum),
        ("сўм", Unit::Sum),
        ("so'm", Unit::Sum),
        ("uzs", Unit::Sum),
        ("доллар", Unit::Dollar),
        ("dollar", Unit::Dollar),
        ("usd", Unit::Dollar),
        ("евро", Unit::Euro),
        ("euro", Unit::Euro),
        ("yevro", Unit::Euro),
        ("eur", Unit::Euro),
        ("руб", Unit::Ruble),
        ("rubl", Unit::Ruble),
        ("rouble", Unit::Ruble),
        ("ruble", Unit::Ruble),
        ("rub", Unit::Ruble),
        ("тенге", Unit::Tenge),
        ("tenge", Unit::Tenge),
        ("kzt", Unit::Tenge),
        ("gbp", Unit::Pound),
    ];
    STEMS
        .iter()
        .find(|(stem, _)| {
            word.starts_with(stem) && word.chars().count() <= stem.chars().count() + 5
        })
        .map(|(_, unit)| *unit)
}
