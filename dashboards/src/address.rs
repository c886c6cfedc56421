//! Everything that can be chosen stands in the address: it can be bookmarked, sent on, and works without JavaScript.
//!
//! In: the query string and the known sites. Out: an [`Address`], or a sentence about what cannot be understood; and
//! back again as a link. Names that are not known are passed over, because links grow decorations on their way.
//! Invariant: reading back a written address gives the same address.

use crate::Site;
use crate::dimension::{Dimension, Metric};
use crate::filter::Filter;
use crate::period::{Comparison, Period};
use crate::series::Interval;

/// A panel of ranked rows, with the dimensions that its tabs choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// Where visits come from.
    Sources,
    /// What is viewed.
    Pages,
    /// Where visitors are.
    Places,
    /// What they look with.
    Devices,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The id of a known site.
    pub site: String,
    /// The period.
    pub period: Period,
    /// What it is compared with.
    pub comparison: Comparison,
    /// The interval, unless the period's own.
    pub interval: Option<Interval>,
    /// The metric that is drawn.
    pub metric: Metric,
    /// The visits that count.
    pub filter: Filter,
    /// The open tab of each panel, in the order of [`Panel::ALL`].
    pub tabs: [Dimension; 4],
    /// The dimension of a page of details.
    pub by: Dimension,
    /// The number of a page of details, from 1.
    pub page: u32,
}

/// An address that cannot be understood; the text is a sentence for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(pub String);

impl Panel {
    /// All, in the order of the page.
    pub const ALL: [Panel; 4] = [Panel::Sources, Panel::Pages, Panel::Places, Panel::Devices];

    /// The name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Panel::Sources => "sources",
            Panel::Pages => "pages",
            Panel::Places => "places",
            Panel::Devices => "devices",
        }
    }

    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Panel::Sources => "Sources",
            Panel::Pages => "Pages",
            Panel::Places => "Locations",
            Panel::Devices => "Devices",
        }
    }

    /// The dimensions of the tabs with their labels; the first is open unless another is chosen.
    pub fn tabs(self) -> &'static [(Dimension, &'static str)] {
        match self {
            Panel::Sources => &[
                (Dimension::Source, "Sources"),
                (Dimension::Channel, "Channels"),
                (Dimension::Referrer, "Referrers"),
                (Dimension::Campaign, "Campaigns"),
            ],
            Panel::Pages => {
                &[(Dimension::Page, "Top"), (Dimension::EntryPage, "Entry"), (Dimension::ExitPage, "Exit")]
            }
            Panel::Places => &[
                (Dimension::Country, "Countries"),
                (Dimension::Region, "Regions"),
                (Dimension::City, "Cities"),
                (Dimension::Language, "Languages"),
            ],
            Panel::Devices => &[
                (Dimension::Browser, "Browsers"),
                (Dimension::Os, "Systems"),
                (Dimension::Device, "Devices"),
            ],
        }
    }
}

impl Address {
    /// What is shown of a site unless something else is chosen.
    pub fn of(site: &str) -> Address {
        Address {
            site: site.to_owned(),
            period: Period::Days(28),
            comparison: Comparison::Previous,
            interval: None,
            metric: Metric::Visitors,
            filter: Filter::default(),
            tabs: Panel::ALL.map(|panel| panel.tabs()[0].0),
            by: Dimension::Page,
            page: 1,
        }
    }

    /// Reads a query string.
    pub fn parse(query: &str, sites: &[Site]) -> Result<Address, BadAddress> {
        let first = sites.first().ok_or_else(|| BadAddress("No site is configured.".to_owned()))?;
        let mut address = Address::of(&first.id);
        let (mut period, mut from, mut to) = (String::new(), None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "site" => address.site = known_site(&value, sites)?,
                "period" => period = value.into_owned(),
                "from" => from = Some(value.into_owned()).filter(|day| !day.is_empty()),
                "to" => to = Some(value.into_owned()).filter(|day| !day.is_empty()),
                name => address.read(name, &value)?,
            }
        }
        if !period.is_empty() || from.is_some() {
            address.period = Period::parse(&period, from.as_deref(), to.as_deref())
                .map_err(|error| BadAddress(error.to_string()))?;
        }
        Ok(address)
    }

    fn read(&mut self, name: &str, value: &str) -> Result<(), BadAddress> {
        let unknown = |what: &str| BadAddress(format!("There is no {what} “{value}”."));
        match name {
            "compare" => {
                self.comparison = Comparison::parse(value).map_err(|error| BadAddress(error.to_string()))?;
            }
            "interval" if value.is_empty() => self.interval = None,
            "interval" => self.interval = Some(Interval::parse(value).ok_or_else(|| unknown("interval"))?),
            "metric" => self.metric = Metric::parse(value).ok_or_else(|| unknown("metric"))?,
            "by" => self.by = Dimension::parse(value).ok_or_else(|| unknown("dimension"))?,
            "n" => self.page = value.parse().ok().filter(|page| (1..=1_000).contains(page)).unwrap_or(1),
            name => {
                if let Some(place) = Panel::ALL.iter().position(|panel| panel.name() == name) {
                    let known = Panel::ALL[place].tabs().iter().find(|(tab, _)| tab.name() == value);
                    self.tabs[place] = known.ok_or_else(|| unknown("tab"))?.0;
                } else if let Some(dimension) = name.strip_prefix("is_").and_then(Dimension::parse)
                    && !self.filter.set(dimension, value)
                {
                    return Err(BadAddress(format!(
                        "The value of “{name}” is longer than any that is stored."
                    )));
                }
            }
        }
        Ok(())
    }

    /// The open tab of a panel.
    pub fn tab(&self, panel: Panel) -> Dimension {
        self.tabs[panel as usize]
    }

    /// The names and values that make this address, defaults left out.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let plain = Address::of(&self.site);
        let mut pairs = vec![("site".to_owned(), self.site.clone())];
        let mut put = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
        if self.period != plain.period {
            put("period", self.period.name());
        }
        if let Period::Custom(from, to) = self.period {
            put("from", &from.to_string());
            put("to", &to.to_string());
        }
        if self.comparison != plain.comparison {
            put("compare", self.comparison.name());
        }
        if let Some(interval) = self.interval {
            put("interval", interval.name());
        }
        if self.metric != plain.metric {
            put("metric", self.metric.name());
        }
        for panel in Panel::ALL.into_iter().filter(|panel| self.tab(*panel) != plain.tab(*panel)) {
            put(panel.name(), self.tab(panel).name());
        }
        for (dimension, value) in self.filter.conditions() {
            put(&format!("is_{}", dimension.name()), value);
        }
        if self.by != plain.by {
            put("by", self.by.name());
        }
        if self.page != plain.page {
            put("n", &self.page.to_string());
        }
        pairs
    }

    /// A link to `path` with this address.
    pub fn link(&self, path: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish();
        format!("{path}?{query}")
    }

    /// The same with something changed. The page of details starts anew.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Address)) -> Address {
        let mut address = Address { page: 1, ..self.clone() };
        change(&mut address);
        address
    }
}

/// The id of a site, if there is one of that name.
pub fn known_site(id: &str, sites: &[Site]) -> Result<String, BadAddress> {
    sites.iter().find(|site| site.id == id).map(|site| site.id.clone()).ok_or_else(|| {
        let ids: Vec<&str> = sites.iter().map(|site| site.id.as_str()).collect();
        BadAddress(format!("There is no site “{id}”. These are configured: {}.", ids.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Vec<Site> {
        ["news", "shop"]
            .map(|id| Site { id: id.into(), name: id.into(), time_zone: "Europe/Brussels".into() })
            .into()
    }

    fn check(query: &str, written: &str) {
        let address = Address::parse(query, &sites()).unwrap();
        assert_eq!(address.link("/"), format!("/?{written}"), "{query}");
        assert_eq!(Address::parse(written, &sites()).as_ref(), Ok(&address), "{query}");
    }

    #[test]
    fn what_is_written_reads_back() {
        check("", "site=news");
        check("utm_source=mail", "site=news");
        check("site=shop&period=28d&compare=previous", "site=shop");
        check("period=today&metric=bounce_rate", "site=news&period=today&metric=bounce_rate");
        check("from=2026-11-01&to=2026-11-03", "site=news&period=custom&from=2026-11-01&to=2026-11-03");
        check("is_page=/a%26b&is_source=", "site=news&is_page=%2Fa%26b&is_source=");
        check(
            "places=language&interval=week&compare=none",
            "site=news&compare=none&interval=week&places=language",
        );
        check("by=source&n=3", "site=news&by=source&n=3");
        check("period=28d&from=&to=&interval=", "site=news");
    }

    #[test]
    fn what_cannot_be_understood_gets_a_sentence() {
        for (query, sentence) in [
            ("site=bank", "There is no site “bank”. These are configured: news, shop."),
            ("period=forever", "There is no period “forever”."),
            ("metric=money", "There is no metric “money”."),
            ("interval=minute", "There is no interval “minute”."),
            ("sources=browser", "There is no tab “browser”."),
            ("compare=never", "There is no comparison “never”."),
        ] {
            let error = Address::parse(query, &sites()).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }
}
