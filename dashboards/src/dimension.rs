//! What numbers can be split by, and what they are called: the closed lists behind every name in the address, in a
//! query and in SQL. A name from outside never reaches SQL; the matching variant's own name does.

/// What visits or page views are split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Path of a viewed page.
    Page,
    /// Path of a visit's first page.
    EntryPage,
    /// Path of a visit's last page.
    ExitPage,
    /// Where the visit came from.
    Source,
    /// The kind of source.
    Channel,
    /// Host of the referring page.
    Referrer,
    /// `utm_campaign`
    Campaign,
    /// ISO 3166 code.
    Country,
    /// Region within the country.
    Region,
    /// City.
    City,
    /// Browser.
    Browser,
    /// Operating system.
    Os,
    /// Desktop, tablet, phone.
    Device,
    /// First preferred language of the browser.
    Language,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Dimension; 14] = [
        Dimension::Page,
        Dimension::EntryPage,
        Dimension::ExitPage,
        Dimension::Source,
        Dimension::Channel,
        Dimension::Referrer,
        Dimension::Campaign,
        Dimension::Country,
        Dimension::Region,
        Dimension::City,
        Dimension::Browser,
        Dimension::Os,
        Dimension::Device,
        Dimension::Language,
    ];

    /// The name in the address and in queries; but for [`Dimension::Page`] also the column of `queries/visits.sql`.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Page => "page",
            Dimension::EntryPage => "entry_page",
            Dimension::ExitPage => "exit_page",
            Dimension::Source => "source",
            Dimension::Channel => "channel",
            Dimension::Referrer => "referrer",
            Dimension::Campaign => "campaign",
            Dimension::Country => "country",
            Dimension::Region => "region",
            Dimension::City => "city",
            Dimension::Browser => "browser",
            Dimension::Os => "os",
            Dimension::Device => "device",
            Dimension::Language => "language",
        }
    }

    /// The heading of its column.
    pub fn heading(self) -> &'static str {
        match self {
            Dimension::Page => "Page",
            Dimension::EntryPage => "Entry page",
            Dimension::ExitPage => "Exit page",
            Dimension::Source => "Source",
            Dimension::Channel => "Channel",
            Dimension::Referrer => "Referring site",
            Dimension::Campaign => "Campaign",
            Dimension::Country => "Country",
            Dimension::Region => "Region",
            Dimension::City => "City",
            Dimension::Browser => "Browser",
            Dimension::Os => "System",
            Dimension::Device => "Device",
            Dimension::Language => "Language",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|dimension| dimension.name() == name)
    }

    /// What stands on the page for a value, which may be empty.
    pub fn label(self, value: &str) -> String {
        match (self, value) {
            (Dimension::Source, "") => "Direct or unknown".to_owned(),
            (Dimension::Channel, "") => "From within the site".to_owned(),
            (Dimension::Campaign | Dimension::Referrer, "") => "None".to_owned(),
            (_, "") => "Unknown".to_owned(),
            (Dimension::Country, code) => crate::country::name(code).unwrap_or(code).to_owned(),
            (Dimension::Device, word) => capitalised(word),
            (_, value) => value.to_owned(),
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Different visitor ids.
    Visitors,
    /// Different visit ids.
    Visits,
    /// Views of pages.
    PageViews,
    /// Page views divided by visits.
    ViewsPerVisit,
    /// Share of visits with one page view and no interaction.
    BounceRate,
    /// Mean time from a visit's first event to its last, in seconds.
    VisitDuration,
}

impl Metric {
    /// All, in the order of the page.
    pub const ALL: [Metric; 6] = [
        Metric::Visitors,
        Metric::Visits,
        Metric::PageViews,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::VisitDuration,
    ];

    /// The name in the address and in queries.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Visitors => "visitors",
            Metric::Visits => "visits",
            Metric::PageViews => "page_views",
            Metric::ViewsPerVisit => "views_per_visit",
            Metric::BounceRate => "bounce_rate",
            Metric::VisitDuration => "visit_duration",
        }
    }

    /// The name on the page.
    pub fn label(self) -> &'static str {
        match self {
            Metric::Visitors => "Visitors",
            Metric::Visits => "Visits",
            Metric::PageViews => "Page views",
            Metric::ViewsPerVisit => "Views per visit",
            Metric::BounceRate => "Bounce rate",
            Metric::VisitDuration => "Visit duration",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether a rise is good news.
    pub fn rises_well(self) -> bool {
        self != Metric::BounceRate
    }

    /// Whether it is known of whole visits only.
    pub fn of_visits(self) -> bool {
        matches!(self, Metric::BounceRate | Metric::VisitDuration)
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.name()), Some(dimension));
        }
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Some(metric));
        }
        assert_eq!(Dimension::parse("visitor_id"), None);
    }

    #[test]
    fn every_dimension_but_the_page_is_a_column_of_the_visits() {
        let visits = include_str!("queries/visits.sql");
        for dimension in Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::Page) {
            assert!(visits.contains(&format!("AS {}", dimension.name())), "{dimension:?}");
        }
    }

    #[test]
    fn an_empty_value_has_a_name() {
        assert_eq!(Dimension::Source.label(""), "Direct or unknown");
        assert_eq!(Dimension::City.label(""), "Unknown");
        assert_eq!(Dimension::Country.label("BE"), "Belgium");
        assert_eq!(Dimension::Country.label("XX"), "XX");
        assert_eq!(Dimension::Device.label("phone"), "Phone");
    }
}
