//! Where a person's clock stands: in the zone that is known of them, else in the one that their phone number tells.
//!
//! The guess is made whenever it is asked for and never stored, so it can be told from what somebody entered, and is gone as
//! soon as somebody does. It is made only where a number leaves no doubt: a country, or an area of Russia, in which all
//! clocks show the same time. Mobile numbers of Russia tell no place, since people keep them when they move; nor do those of
//! North America, Australia, Brazil and other countries of several zones.
//!
//! Prefixes are those of ITU-T's list of E.164 country codes and, for Russia, of its numbering plan; zones are those that the
//! IANA database (`zone1970.tab`) names for these places.

use chrono_tz::Tz;

use super::ContactFields;

/// A zone, and whether it is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownZone {
    /// The zone.
    pub zone: Tz,
    /// Whether it was told by the phone number and by nobody.
    pub guessed: bool,
}

impl ContactFields {
    /// The person's time zone, if it is known or can be guessed from the phone, else from the WhatsApp number.
    #[must_use]
    pub fn zone(&self) -> Option<KnownZone> {
        let known = self.time_zone.as_deref();
        if let Some(zone) = known.and_then(|name| crate::zone::parse(name).ok()) {
            return Some(KnownZone {
                zone,
                guessed: false,
            });
        }
        let numbers = [&self.phone, &self.whatsapp].into_iter().flatten();
        let zone = numbers.filter_map(|number| of_number(number)).next()?;
        Some(KnownZone {
            zone,
            guessed: true,
        })
    }

    /// The name of the zone that was guessed; `None` when one is known, or nothing tells it.
    #[must_use]
    pub fn guessed_time_zone(&self) -> Option<&'static str> {
        self.zone()
            .filter(|zone| zone.guessed)
            .map(|zone| zone.zone.name())
    }

    /// The person's time zone, or `fallback` where nothing tells it.
    pub(crate) fn zone_or(&self, fallback: Tz) -> Tz {
        self.zone().map_or(fallback, |known| known.zone)
    }
}

/// The zone of a number in E.164.
fn of_number(number: &str) -> Option<Tz> {
    let digits = number.strip_prefix('+')?;
    // No prefix begins another one, so at most one fits.
    let at = PREFIXES.partition_point(|(prefix, _)| *prefix <= digits);
    let (prefix, zone) = PREFIXES.get(at.checked_sub(1)?)?;
    digits.starts_with(prefix).then_some(*zone)
}

/// In the order of the digits.
const PREFIXES: &[(&str, Tz)] = &[
    ("20", Tz::Africa__Cairo),
    ("211", Tz::Africa__Juba),
    ("212", Tz::Africa__Casablanca),
    ("213", Tz::Africa__Algiers),
    ("216", Tz::Africa__Tunis),
    ("218", Tz::Africa__Tripoli),
    ("220", Tz::Africa__Banjul),
    ("221", Tz::Africa__Dakar),
    ("222", Tz::Africa__Nouakchott),
    ("223", Tz::Africa__Bamako),
    ("224", Tz::Africa__Conakry),
    ("225", Tz::Africa__Abidjan),
    ("226", Tz::Africa__Ouagadougou),
    ("227", Tz::Africa__Niamey),
    ("228", Tz::Africa__Lome),
    ("229", Tz::Africa__PortoNovo),
    ("230", Tz::Indian__Mauritius),
    ("231", Tz::Africa__Monrovia),
    ("232", Tz::Africa__Freetown),
    ("233", Tz::Africa__Accra),
    ("234", Tz::Africa__Lagos),
    ("235", Tz::Africa__Ndjamena),
    ("236", Tz::Africa__Bangui),
    ("237", Tz::Africa__Douala),
    ("238", Tz::Atlantic__Cape_Verde),
    ("239", Tz::Africa__Sao_Tome),
    ("240", Tz::Africa__Malabo),
    ("241", Tz::Africa__Libreville),
    ("242", Tz::Africa__Brazzaville),
    ("244", Tz::Africa__Luanda),
    ("245", Tz::Africa__Bissau),
    ("248", Tz::Indian__Mahe),
    ("249", Tz::Africa__Khartoum),
    ("250", Tz::Africa__Kigali),
    ("251", Tz::Africa__Addis_Ababa),
    ("252", Tz::Africa__Mogadishu),
    ("253", Tz::Africa__Djibouti),
    ("254", Tz::Africa__Nairobi),
    ("255", Tz::Africa__Dar_es_Salaam),
    ("256", Tz::Africa__Kampala),
    ("257", Tz::Africa__Bujumbura),
    ("258", Tz::Africa__Maputo),
    ("260", Tz::Africa__Lusaka),
    ("261", Tz::Indian__Antananarivo),
    ("263", Tz::Africa__Harare),
    ("264", Tz::Africa__Windhoek),
    ("265", Tz::Africa__Blantyre),
    ("266", Tz::Africa__Maseru),
    ("267", Tz::Africa__Gaborone),
    ("268", Tz::Africa__Mbabane),
    ("269", Tz::Indian__Comoro),
    ("27", Tz::Africa__Johannesburg),
    ("291", Tz::Africa__Asmara),
    ("297", Tz::America__Aruba),
    ("298", Tz::Atlantic__Faroe),
    ("30", Tz::Europe__Athens),
    ("31", Tz::Europe__Amsterdam),
    ("32", Tz::Europe__Brussels),
    ("33", Tz::Europe__Paris),
    ("350", Tz::Europe__Gibraltar),
    ("352", Tz::Europe__Luxembourg),
    ("353", Tz::Europe__Dublin),
    ("354", Tz::Atlantic__Reykjavik),
    ("355", Tz::Europe__Tirane),
    ("356", Tz::Europe__Malta),
    ("357", Tz::Asia__Nicosia),
    ("358", Tz::Europe__Helsinki),
    ("359", Tz::Europe__Sofia),
    ("36", Tz::Europe__Budapest),
    ("370", Tz::Europe__Vilnius),
    ("371", Tz::Europe__Riga),
    ("372", Tz::Europe__Tallinn),
    ("373", Tz::Europe__Chisinau),
    ("374", Tz::Asia__Yerevan),
    ("375", Tz::Europe__Minsk),
    ("376", Tz::Europe__Andorra),
    ("377", Tz::Europe__Monaco),
    ("378", Tz::Europe__San_Marino),
    ("380", Tz::Europe__Kyiv),
    ("381", Tz::Europe__Belgrade),
    ("382", Tz::Europe__Podgorica),
    ("383", Tz::Europe__Belgrade),
    ("385", Tz::Europe__Zagreb),
    ("386", Tz::Europe__Ljubljana),
    ("387", Tz::Europe__Sarajevo),
    ("389", Tz::Europe__Skopje),
    ("39", Tz::Europe__Rome),
    ("40", Tz::Europe__Bucharest),
    ("41", Tz::Europe__Zurich),
    ("420", Tz::Europe__Prague),
    ("421", Tz::Europe__Bratislava),
    ("423", Tz::Europe__Vaduz),
    ("43", Tz::Europe__Vienna),
    ("44", Tz::Europe__London),
    ("45", Tz::Europe__Copenhagen),
    ("46", Tz::Europe__Stockholm),
    ("47", Tz::Europe__Oslo),
    ("48", Tz::Europe__Warsaw),
    ("49", Tz::Europe__Berlin),
    ("500", Tz::Atlantic__Stanley),
    ("501", Tz::America__Belize),
    ("502", Tz::America__Guatemala),
    ("503", Tz::America__El_Salvador),
    ("504", Tz::America__Tegucigalpa),
    ("505", Tz::America__Managua),
    ("506", Tz::America__Costa_Rica),
    ("507", Tz::America__Panama),
    ("508", Tz::America__Miquelon),
    ("509", Tz::America__PortauPrince),
    ("51", Tz::America__Lima),
    ("53", Tz::America__Havana),
    ("54", Tz::America__Argentina__Buenos_Aires),
    ("57", Tz::America__Bogota),
    ("58", Tz::America__Caracas),
    ("591", Tz::America__La_Paz),
    ("592", Tz::America__Guyana),
    ("594", Tz::America__Cayenne),
    ("595", Tz::America__Asuncion),
    ("596", Tz::America__Martinique),
    ("597", Tz::America__Paramaribo),
    ("598", Tz::America__Montevideo),
    ("60", Tz::Asia__Kuala_Lumpur),
    ("63", Tz::Asia__Manila),
    ("65", Tz::Asia__Singapore),
    ("66", Tz::Asia__Bangkok),
    ("670", Tz::Asia__Dili),
    ("673", Tz::Asia__Brunei),
    ("674", Tz::Pacific__Nauru),
    ("676", Tz::Pacific__Tongatapu),
    ("677", Tz::Pacific__Guadalcanal),
    ("678", Tz::Pacific__Efate),
    ("679", Tz::Pacific__Fiji),
    ("680", Tz::Pacific__Palau),
    ("685", Tz::Pacific__Apia),
    ("688", Tz::Pacific__Funafuti),
    ("7301", Tz::Asia__Irkutsk),
    ("7302", Tz::Asia__Chita),
    ("7341", Tz::Europe__Samara),
    ("7342", Tz::Asia__Yekaterinburg),
    ("7343", Tz::Asia__Yekaterinburg),
    ("7345", Tz::Asia__Yekaterinburg),
    ("7346", Tz::Asia__Yekaterinburg),
    ("7347", Tz::Asia__Yekaterinburg),
    ("7349", Tz::Asia__Yekaterinburg),
    ("7351", Tz::Asia__Yekaterinburg),
    ("7352", Tz::Asia__Yekaterinburg),
    ("7353", Tz::Asia__Yekaterinburg),
    ("7381", Tz::Asia__Omsk),
    ("7382", Tz::Asia__Tomsk),
    ("7383", Tz::Asia__Novosibirsk),
    ("7384", Tz::Asia__Novokuznetsk),
    ("7385", Tz::Asia__Barnaul),
    ("7388", Tz::Asia__Barnaul),
    ("7390", Tz::Asia__Krasnoyarsk),
    ("7391", Tz::Asia__Krasnoyarsk),
    ("7394", Tz::Asia__Krasnoyarsk),
    ("7395", Tz::Asia__Irkutsk),
    ("7401", Tz::Europe__Kaliningrad),
    ("7413", Tz::Asia__Magadan),
    ("7415", Tz::Asia__Kamchatka),
    ("7416", Tz::Asia__Yakutsk),
    ("7421", Tz::Asia__Vladivostok),
    ("7423", Tz::Asia__Vladivostok),
    ("7424", Tz::Asia__Sakhalin),
    ("7426", Tz::Asia__Vladivostok),
    ("7427", Tz::Asia__Anadyr),
    ("7471", Tz::Europe__Moscow),
    ("7472", Tz::Europe__Moscow),
    ("7473", Tz::Europe__Moscow),
    ("7474", Tz::Europe__Moscow),
    ("7475", Tz::Europe__Moscow),
    ("7481", Tz::Europe__Moscow),
    ("7482", Tz::Europe__Moscow),
    ("7483", Tz::Europe__Moscow),
    ("7484", Tz::Europe__Moscow),
    ("7485", Tz::Europe__Moscow),
    ("7486", Tz::Europe__Moscow),
    ("7487", Tz::Europe__Moscow),
    ("7491", Tz::Europe__Moscow),
    ("7492", Tz::Europe__Moscow),
    ("7493", Tz::Europe__Moscow),
    ("7494", Tz::Europe__Moscow),
    ("7495", Tz::Europe__Moscow),
    ("7496", Tz::Europe__Moscow),
    ("7498", Tz::Europe__Moscow),
    ("7499", Tz::Europe__Moscow),
    ("76", Tz::Asia__Almaty),
    ("77", Tz::Asia__Almaty),
    ("7811", Tz::Europe__Moscow),
    ("7812", Tz::Europe__Moscow),
    ("7813", Tz::Europe__Moscow),
    ("7814", Tz::Europe__Moscow),
    ("7815", Tz::Europe__Moscow),
    ("7816", Tz::Europe__Moscow),
    ("7817", Tz::Europe__Moscow),
    ("7818", Tz::Europe__Moscow),
    ("7820", Tz::Europe__Moscow),
    ("7821", Tz::Europe__Moscow),
    ("7831", Tz::Europe__Moscow),
    ("7833", Tz::Europe__Moscow),
    ("7834", Tz::Europe__Moscow),
    ("7835", Tz::Europe__Moscow),
    ("7836", Tz::Europe__Moscow),
    ("7841", Tz::Europe__Moscow),
    ("7842", Tz::Europe__Ulyanovsk),
    ("7843", Tz::Europe__Moscow),
    ("7844", Tz::Europe__Volgograd),
    ("7845", Tz::Europe__Saratov),
    ("7846", Tz::Europe__Samara),
    ("7847", Tz::Europe__Moscow),
    ("7848", Tz::Europe__Samara),
    ("7851", Tz::Europe__Astrakhan),
    ("7855", Tz::Europe__Moscow),
    ("7861", Tz::Europe__Moscow),
    ("7862", Tz::Europe__Moscow),
    ("7863", Tz::Europe__Moscow),
    ("7865", Tz::Europe__Moscow),
    ("7866", Tz::Europe__Moscow),
    ("7867", Tz::Europe__Moscow),
    ("7871", Tz::Europe__Moscow),
    ("7872", Tz::Europe__Moscow),
    ("7873", Tz::Europe__Moscow),
    ("7877", Tz::Europe__Moscow),
    ("7878", Tz::Europe__Moscow),
    ("7879", Tz::Europe__Moscow),
    ("81", Tz::Asia__Tokyo),
    ("82", Tz::Asia__Seoul),
    ("84", Tz::Asia__Ho_Chi_Minh),
    ("850", Tz::Asia__Pyongyang),
    ("852", Tz::Asia__Hong_Kong),
    ("853", Tz::Asia__Macau),
    ("855", Tz::Asia__Phnom_Penh),
    ("856", Tz::Asia__Vientiane),
    ("86", Tz::Asia__Shanghai),
    ("880", Tz::Asia__Dhaka),
    ("886", Tz::Asia__Taipei),
    ("90", Tz::Europe__Istanbul),
    ("91", Tz::Asia__Kolkata),
    ("92", Tz::Asia__Karachi),
    ("93", Tz::Asia__Kabul),
    ("94", Tz::Asia__Colombo),
    ("95", Tz::Asia__Yangon),
    ("960", Tz::Indian__Maldives),
    ("961", Tz::Asia__Beirut),
    ("962", Tz::Asia__Amman),
    ("963", Tz::Asia__Damascus),
    ("964", Tz::Asia__Baghdad),
    ("965", Tz::Asia__Kuwait),
    ("966", Tz::Asia__Riyadh),
    ("967", Tz::Asia__Aden),
    ("968", Tz::Asia__Muscat),
    ("971", Tz::Asia__Dubai),
    ("972", Tz::Asia__Jerusalem),
    ("973", Tz::Asia__Bahrain),
    ("974", Tz::Asia__Qatar),
    ("975", Tz::Asia__Thimphu),
    ("977", Tz::Asia__Kathmandu),
    ("98", Tz::Asia__Tehran),
    ("992", Tz::Asia__Dushanbe),
    ("993", Tz::Asia__Ashgabat),
    ("994", Tz::Asia__Baku),
    ("995", Tz::Asia__Tbilisi),
    ("996", Tz::Asia__Bishkek),
    ("998", Tz::Asia__Tashkent),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn with(zone: Option<&str>, phone: Option<&str>, whatsapp: Option<&str>) -> ContactFields {
        ContactFields {
            time_zone: zone.map(str::to_owned),
            phone: phone.map(str::to_owned),
            whatsapp: whatsapp.map(str::to_owned),
            ..ContactFields::default()
        }
    }

    #[test]
    fn numbers_tell_zones_where_they_leave_no_doubt() {
        for (number, zone) in [
            ("+998901234567", Some("Asia/Tashkent")),
            ("+996312123456", Some("Asia/Bishkek")),
            ("+77011234567", Some("Asia/Almaty")),
            ("+76001234567", Some("Asia/Almaty")),
            ("+74951234567", Some("Europe/Moscow")),
            ("+74232123456", Some("Asia/Vladivostok")),
            ("+74012123456", Some("Europe/Kaliningrad")),
            ("+442071234567", Some("Europe/London")),
            ("+20212345678", Some("Africa/Cairo")),
            // Mobile numbers and a republic of three zones, countries of several, and none at all.
            ("+79161234567", None),
            ("+74112123456", None),
            ("+12125551234", None),
            ("+61212345678", None),
            ("+5511912345678", None),
            ("+999123456", None),
            ("+0", None),
            ("998901234567", None),
            ("", None),
        ] {
            assert_eq!(of_number(number).map(|zone| zone.name()), zone, "{number}");
        }
    }

    #[test]
    fn what_is_known_wins_and_a_guess_says_that_it_is_one() {
        let tashkent = Some("+998901234567");
        let guess = with(None, Some("+79161234567"), tashkent);
        assert_eq!(guess.guessed_time_zone(), Some("Asia/Tashkent"));
        assert_eq!(guess.zone_or(Tz::UTC), Tz::Asia__Tashkent);
        let both = with(None, Some("+493012345678"), tashkent);
        assert_eq!(both.guessed_time_zone(), Some("Europe/Berlin"));
        let known = with(Some("Asia/Tokyo"), tashkent, None);
        assert_eq!(known.guessed_time_zone(), None);
        assert_eq!(known.zone_or(Tz::UTC), Tz::Asia__Tokyo);
        let nothing = with(None, None, None);
        assert_eq!((nothing.zone(), nothing.zone_or(Tz::UTC)), (None, Tz::UTC));
    }

    #[test]
    fn prefixes_are_in_order_and_none_begins_another() {
        for pair in PREFIXES.windows(2) {
            let [(first, _), (second, _)] = pair else {
                continue;
            };
            assert!(first < second && !second.starts_with(first), "{second}");
        }
        for (prefix, zone) in PREFIXES {
            assert_eq!(of_number(&format!("+{prefix}00")), Some(*zone), "{prefix}");
        }
    }

    /// The library of phone numbers must take each prefix for a country's that is no other prefix's, but for Russia's areas.
    #[test]
    fn every_prefix_is_a_countrys() {
        for (prefix, _) in PREFIXES {
            let number = phonenumber::parse(None, format!("+{prefix}123456789"));
            let code = number.unwrap().code().value().to_string();
            assert!(
                code == *prefix || code == "7" && prefix.starts_with('7'),
                "{prefix}"
            );
        }
    }
}
