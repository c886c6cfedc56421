//! The preferences: one switch per category, what is behind it with a switch for each service where the site offers that,
//! and the same choices again. `switches.js` sets the switches and lets them follow one another.

use super::View;
use crate::dom::{Record, add, add_mark, add_text, fill, say, set, text};
use js_sys::JsString;
use web_sys::Element;

const COLUMNS: [&str; 5] = ["name", "provider", "purpose", "duration", "party"];

impl View<'_> {
    /// Builds the dialog, closed. It can take the focus itself, so that no choice has it.
    pub(crate) fn preferences(&self) {
        let dialog = self.layer("dialog tabindex=-1 aria-labelledby=D part=preferences");
        let head = add(&dialog, "div class=h");
        add_mark(&head);
        self.say(&head, "h2 id=D", "settings");
        self.cross(&head, "button class=x value=4", "close");
        let form = add(&dialog, "form tabindex=0");
        add_text(&form, "p class=q", fill(self.words.get("intro"), "{days}", self.all.get("days")));
        self.note(&form);
        let switches = self.is_on("switches");
        for (index, described) in self.all.list("categories").iter().enumerate() {
            self.category(&form, &described, index > 0, index > 0 && switches);
        }
        self.session(&form);
        self.choices(&dialog, "button part=more class=o value=2", "save");
    }

    /// The first category is `necessary`: on, and not to be switched. A switch that can be half on is a checkbox to those
    /// who hear it, for a switch cannot.
    fn category(&self, form: &Element, category: &Record, optional: bool, switches: bool) {
        let article = add(form, "article");
        let label = add(&article, "label");
        say(&label, "h3", category, "title");
        let name = || category.get("name");
        let switch = add(
            &label,
            match (optional, switches) {
                (false, _) => "input type=checkbox value role=switch disabled",
                (true, false) => "input type=checkbox value role=switch",
                (true, true) => "input type=checkbox value",
            },
        );
        set(&switch, "name", name());
        describe(&switch, &add_text(&article, "p", category.get("description")), name);
        let services = category.list("services");
        if services.length() > 0 {
            let details = add(&article, "details");
            let count = || category.record("services").get("length");
            let counted = self.words.variant("services_", count(), "services_many");
            add_text(&details, "summary", fill(counted, "{count}", count()));
            for declared in services.iter() {
                self.service(&details, &declared, category, switches);
            }
        }
    }

    fn service(&self, details: &Element, service: &Record, category: &Record, switches: bool) {
        let block = &add(details, "div");
        let own = switches.then(|| add(block, "label"));
        let label = own.as_ref().unwrap_or(block);
        say(label, "h4", service, "name");
        let provided = fill(self.words.get("provided"), "{purpose}", service.get("purpose"));
        let provided = fill(provided, "{provider}", service.get("provider"));
        let description = add_text(block, "p class=q", provided);
        if switches {
            let switch = add(label, "input type=checkbox role=switch");
            set(&switch, "name", category.get("name"));
            set(&switch, "value", service.get("id"));
            describe(&switch, &description, || fill(text("S{}"), "{}", service.get("id")));
        }
        let cookies = service.list("cookies");
        if cookies.length() > 0 {
            let body = self.table(block, service);
            for cookie in cookies.iter() {
                let row = add(&body, "tr role=row");
                for column in COLUMNS {
                    set(&self.cell(&row, column, &cookie), "data-h", self.words.get(column));
                }
            }
        }
    }

    /// The name leads its row; it keeps its own direction in a text from right to left.
    fn cell(&self, row: &Element, column: &str, cookie: &Record) -> Element {
        match column {
            "name" => {
                let head = add(row, "th role=rowheader scope=row");
                say(&head, "bdi", cookie, column);
                head
            }
            "party" => add_text(row, "td role=cell", self.words.get_by(cookie.get(column))),
            _ => add_text(row, "td role=cell", cookie.get(column)),
        }
    }

    /// A table with its caption and head; the part that takes the rows.
    fn table(&self, block: &Element, service: &Record) -> Element {
        let table = add(block, "table role=table");
        let caption = fill(self.words.get("cookies_of"), "{service}", service.get("name"));
        add_text(&table, "caption", caption);
        let head = add(&add(&table, "thead role=rowgroup"), "tr role=row");
        for column in COLUMNS {
            self.say(&head, "th role=columnheader scope=col", column);
        }
        add(&table, "tbody role=rowgroup")
    }
}

/// Ties a switch to what describes it.
fn describe(switch: &Element, description: &Element, id: impl Fn() -> JsString) {
    set(description, "id", id());
    set(switch, "aria-describedby", id());
}
