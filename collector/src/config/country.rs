//! The names of countries in the visitors' languages: Europe, and where its sites' services are most often from.
//!
//! In: a [`CountryCode`]. Out: the country's name, or the code itself where it is not in the table.

use super::language::Language;
use super::name::CountryCode;

/// Code, then the names in [`Language::OF_PAGES`]: only the pages name countries. In the order of the codes.
const COUNTRIES: [(&str, [&str; Language::OF_PAGES.len()]); 40] = [
    ("AT", ["Austria", "Oostenrijk", "Autriche", "Österreich"]),
    ("AU", ["Australia", "Australië", "Australie", "Australien"]),
    ("BE", ["Belgium", "België", "Belgique", "Belgien"]),
    ("BG", ["Bulgaria", "Bulgarije", "Bulgarie", "Bulgarien"]),
    ("CA", ["Canada", "Canada", "Canada", "Kanada"]),
    ("CH", ["Switzerland", "Zwitserland", "Suisse", "Schweiz"]),
    ("CN", ["China", "China", "Chine", "China"]),
    ("CY", ["Cyprus", "Cyprus", "Chypre", "Zypern"]),
    ("CZ", ["Czechia", "Tsjechië", "Tchéquie", "Tschechien"]),
    ("DE", ["Germany", "Duitsland", "Allemagne", "Deutschland"]),
    ("DK", ["Denmark", "Denemarken", "Danemark", "Dänemark"]),
    ("EE", ["Estonia", "Estland", "Estonie", "Estland"]),
    ("ES", ["Spain", "Spanje", "Espagne", "Spanien"]),
    ("FI", ["Finland", "Finland", "Finlande", "Finnland"]),
    ("FR", ["France", "Frankrijk", "France", "Frankreich"]),
    ("GB", ["United Kingdom", "Verenigd Koninkrijk", "Royaume-Uni", "Vereinigtes Königreich"]),
    ("GR", ["Greece", "Griekenland", "Grèce", "Griechenland"]),
    ("HR", ["Croatia", "Kroatië", "Croatie", "Kroatien"]),
    ("HU", ["Hungary", "Hongarije", "Hongrie", "Ungarn"]),
    ("IE", ["Ireland", "Ierland", "Irlande", "Irland"]),
    ("IL", ["Israel", "Israël", "Israël", "Israel"]),
    ("IN", ["India", "India", "Inde", "Indien"]),
    ("IS", ["Iceland", "IJsland", "Islande", "Island"]),
    ("IT", ["Italy", "Italië", "Italie", "Italien"]),
    ("JP", ["Japan", "Japan", "Japon", "Japan"]),
    ("LI", ["Liechtenstein", "Liechtenstein", "Liechtenstein", "Liechtenstein"]),
    ("LT", ["Lithuania", "Litouwen", "Lituanie", "Litauen"]),
    ("LU", ["Luxembourg", "Luxemburg", "Luxembourg", "Luxemburg"]),
    ("LV", ["Latvia", "Letland", "Lettonie", "Lettland"]),
    ("MT", ["Malta", "Malta", "Malte", "Malta"]),
    ("NL", ["Netherlands", "Nederland", "Pays-Bas", "Niederlande"]),
    ("NO", ["Norway", "Noorwegen", "Norvège", "Norwegen"]),
    ("PL", ["Poland", "Polen", "Pologne", "Polen"]),
    ("PT", ["Portugal", "Portugal", "Portugal", "Portugal"]),
    ("RO", ["Romania", "Roemenië", "Roumanie", "Rumänien"]),
    ("SE", ["Sweden", "Zweden", "Suède", "Schweden"]),
    ("SI", ["Slovenia", "Slovenië", "Slovénie", "Slowenien"]),
    ("SK", ["Slovakia", "Slowakije", "Slovaquie", "Slowakei"]),
    ("UA", ["Ukraine", "Oekraïne", "Ukraine", "Ukraine"]),
    ("US", ["United States", "Verenigde Staten", "États-Unis", "Vereinigte Staaten"]),
];

impl CountryCode {
    /// The country's name.
    pub fn in_language(&self, language: Language) -> &str {
        let found = COUNTRIES.binary_search_by_key(&self.as_str(), |(code, _)| code);
        let place = Language::OF_PAGES.iter().position(|page| *page == language).unwrap_or_default();
        found.map_or(self.as_str(), |index| COUNTRIES[index].1[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_found_by_its_code() {
        let check = |code: &str, language, expected: &str| {
            assert_eq!(CountryCode::read(code).unwrap().in_language(language), expected, "{code}");
        };
        assert!(COUNTRIES.is_sorted_by_key(|(code, _)| *code));
        check("NL", Language::Fr, "Pays-Bas");
        check("AT", Language::De, "Österreich");
        check("US", Language::En, "United States");
        check("XK", Language::En, "XK");
    }
}
