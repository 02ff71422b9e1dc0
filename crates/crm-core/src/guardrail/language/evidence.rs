//! Letters, words and endings that tell the languages apart.

/// The languages told apart by evidence of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::guardrail) enum Known {
    Russian,
    English,
    UzbekLatin,
    UzbekCyrillic,
    Turkish,
    Kazakh,
    Ukrainian,
}

impl Known {
    pub(super) const ALL: [Self; 7] = [
        Self::Russian,
        Self::English,
        Self::UzbekLatin,
        Self::UzbekCyrillic,
        Self::Turkish,
        Self::Kazakh,
        Self::Ukrainian,
    ];

    /// Whether it is written in Cyrillic.
    pub(super) const fn cyrillic(self) -> bool {
        matches!(
            self,
            Self::Russian | Self::UzbekCyrillic | Self::Kazakh | Self::Ukrainian
        )
    }

    /// The language of a BCP 47 tag: `uz` is Latin unless its script is `Cyrl`.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        let tag = tag.to_ascii_lowercase();
        let mut parts = tag.split('-');
        Some(match parts.next()? {
            "ru" => Self::Russian,
            "en" => Self::English,
            "uz" if parts.any(|part| part == "cyrl") => Self::UzbekCyrillic,
            "uz" => Self::UzbekLatin,
            "tr" => Self::Turkish,
            "kk" if !parts.any(|part| part == "latn") => Self::Kazakh,
            "uk" => Self::Ukrainian,
            _ => return None,
        })
    }

    /// Frequent short words.
    const fn words(self) -> &'static str {
        match self {
            Self::Russian => {
                " и в не на я с что по но как к от у за вы вас вам ваш ваша ваши ваше вами мы нас нам наш наша наши это для до из о же бы \
                 так если или ли все всё чтобы при мне уже есть был была быть будет будем будут можно очень только ещё когда где под без \
                 спасибо рады ждём пожалуйста здравствуйте поздравляем желаем вашей нашей вашего нашего вашу нашу сегодня здесь пусть "
            }
            Self::English => {
                " the and to of a in is you your for we our with that it on are be this as have has at will not from or by an if can us was \
                 all but they so do i me my he she his her any please thank thanks dear happy would could look forward there when what who "
            }
            Self::UzbekLatin => {
                " va bilan uchun siz sizni sizga sizning biz bizning bizga bizni bu shu ham boʻlsa bo'lsa bo'lsin bo'ling bo'ladi bo'lgan bir har \
                 barcha yangi hurmatli assalomu alaykum salom rahmat iltimos muborak kuni kuningiz soat so'm agar kerak yoki lekin esa edi \
                 ekan emas haqida boshlab keyin oldin tilaymiz tabriklaymiz kutamiz keling yana eng juda qadar tomonidan "
            }
            Self::UzbekCyrillic => {
                " ва билан учун сиз сизни сизга сизнинг биз бизнинг бизга бизни бу шу ҳам бўлса бўлсин бўлинг бўлади бўлган бир ҳар барча янги \
                 ҳурматли ассалому алайкум салом раҳмат илтимос муборак куни кунингиз соат сўм агар керак ёки лекин эса эди экан эмас \
                 ҳақида бошлаб кейин олдин тилаймиз табриклаймиз кутамиз келинг яна энг жуда қадар томонидан "
            }
            Self::Turkish => {
                " ve bir bu için ile çok daha siz size sizi sizin bizi bizim da de olarak olan var ne gibi kadar en iyi yeni her sonra ama \
                 değerli sayın teşekkür ederiz dileriz kutlu olsun mutlu yıl doğum günü hoş "
            }
            Self::Kazakh => {
                " және мен бен сіз сізді сізге біз бұл үшін бар жоқ бір да де деп осы сол қош рақмет құрметті құттықтаймыз тілейміз болсын \
                 болып жаңа жыл күн барлық өте "
            }
            Self::Ukrainian => {
                " і й та в у не на що з як до від за ви вас вам ваш ваша ваші ми нас нам наш це для із або чи щоб вже є був була бути буде \
                 дуже тільки коли де без дякуємо будь ласка вітаємо бажаємо "
            }
        }
    }

    /// Letters that only this one of the seven has.
    const fn letters(self) -> &'static str {
        match self {
            Self::Russian => "ыщ",
            Self::English | Self::UzbekLatin => "",
            Self::UzbekCyrillic => "ўҳ",
            Self::Turkish => "ğışçüö",
            Self::Kazakh => "әіңөұүһ",
            Self::Ukrainian => "іїєґ",
        }
    }

    /// Endings that are common here and rare in the others.
    const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Russian => &[
                "ть", "ться", "тся", "ого", "его", "ому", "ыми", "ими", "ые", "ый", "ая", "ие",
                "ией", "ться", "ешь", "ете", "ите", "ует", "ают", "ают", "ость", "ение", "ения",
                "ами", "ях",
            ],
            Self::English => &[
                "ing", "tion", "ed", "ly", "ness", "ment", "ould", "ght", "tions",
            ],
            Self::UzbekLatin => &[
                "ingiz", "angiz", "imiz", "aymiz", "ning", "lar", "larni", "lari", "lik", "gan",
                "moqda", "dagi", "ganingiz", "asiz", "dik", "sangiz", "dan", "iga", "ini", "ida",
                "yapti", "yapmiz",
            ],
            Self::UzbekCyrillic => &[
                "ингиз",
                "ангиз",
                "имиз",
                "аймиз",
                "нинг",
                "лар",
                "ларни",
                "лари",
                "лик",
                "ган",
                "моқда",
                "даги",
                "ганингиз",
                "асиз",
                "дик",
                "сангиз",
                "дан",
                "ига",
                "ини",
                "ида",
                "япти",
                "япмиз",
            ],
            Self::Turkish => &[
                "ınız", "iniz", "unuz", "ünüz", "lar", "ler", "leri", "ları", "nın", "yor", "mak",
                "mek", "dir", "eriz", "ımız", "imiz",
            ],
            Self::Kazakh => &[
                "дың", "дің", "ның", "нің", "лар", "лер", "тар", "тер", "ңыз", "ңіз", "ймыз",
                "йміз", "ған", "ген", "қан",
            ],
            Self::Ukrainian => &[
                "ння", "ти", "ться", "ого", "ому", "их", "ими", "ість", "ями", "ємо", "уємо",
            ],
        }
    }
}

/// How much of each language a list of words shows. Words are in their plain form.
pub(super) fn score<'a>(words: impl Iterator<Item = &'a str>) -> [f64; 7] {
    let mut scores = [0.0; 7];
    for word in words {
        let cyrillic = word.chars().any(|c| ('\u{400}'..='\u{52f}').contains(&c));
        for (language, score) in Known::ALL.into_iter().zip(&mut scores) {
            if language.cyrillic() != cyrillic {
                continue;
            }
            *score += weight(language, word);
        }
    }
    scores
}

/// A frequent word says the most, then a letter of its own, then an ending.
fn weight(language: Known, word: &str) -> f64 {
    let mut weight = 0.0;
    let list = language.words();
    let frequent = list
        .find(word)
        .is_some_and(|_| list.contains(&format!(" {word} ")));
    if frequent {
        weight += 1.0;
    }
    if word.chars().any(|c| language.letters().contains(c)) {
        weight += 1.0;
    }
    // The apostrophes of oʻ and gʻ.
    if language == Known::UzbekLatin
        && (word.contains("o'") && !word.ends_with("o'") || word.contains("g'"))
    {
        weight += 1.0;
    }
    // Қ and ғ are Uzbek's and Kazakh's.
    if matches!(language, Known::UzbekCyrillic | Known::Kazakh) && word.contains(['қ', 'ғ']) {
        weight += 0.8;
    }
    if language == Known::UzbekLatin && word.contains('q') && !word.contains("qu") {
        weight += 0.7;
    }
    let length = word.chars().count();
    if !frequent
        && language
            .endings()
            .iter()
            .any(|ending| word.ends_with(ending) && length > ending.chars().count() + 1)
    {
        weight += 0.6;
    }
    weight
}
