//! The preferences: one switch per category, what is behind it with a switch for each service where the site offers that,
//! and the same choices again. `switches.js` sets the switches and lets them follow one another.

use super::{choices, cross, each, is_on, layer, note, session};
use crate::dom::{ALL, Value, add, add_mark, add_text, fill, get, get_by, length, say, set, text, variant};

const COLUMNS: [&str; 5] = ["name", "provider", "purpose", "duration", "party"];

/// Builds the dialog, closed. It can take the focus itself, so that no choice has it.
pub(crate) fn preferences() {
    let words = get(ALL, "text");
    let dialog = layer("dialog tabindex=-1 aria-labelledby=D part=preferences");
    let head = add(dialog, "div class=h");
    add_mark(head);
    say(head, "h2 id=D", words, "settings");
    cross(head, "button class=x value=4", words, "close");
    let form = add(dialog, "form tabindex=0");
    add_text(form, "p class=q", fill(get(words, "intro"), "{days}", get(ALL, "days")));
    note(form);
    let switches = is_on("switches");
    each(ALL, "categories", &mut |index, described| {
        category(form, described, words, index > 0, index > 0 && switches);
    });
    session(words, form);
    choices(dialog, words, "button part=more class=o value=2", "save");
}

/// The first category is `necessary`: on, and not to be switched. A switch that can be half on is a checkbox to those who
/// hear it, for a switch cannot.
fn category(form: Value, category: Value, words: Value, optional: bool, switches: bool) {
    let article = add(form, "article");
    let label = add(article, "label");
    say(label, "h3", category, "title");
    let name = get(category, "name");
    let switch = add(
        label,
        match (optional, switches) {
            (false, _) => "input type=checkbox value role=switch disabled",
            (true, false) => "input type=checkbox value role=switch",
            (true, true) => "input type=checkbox value",
        },
    );
    set(switch, "name", name);
    describe(switch, say(article, "p", category, "description"), name);
    let services = get(category, "services");
    if length(services) > 0 {
        let details = add(article, "details");
        let count = get(services, "length");
        let counted = variant(words, "services_", count, "services_many");
        add_text(details, "summary", fill(counted, "{count}", count));
        each(category, "services", &mut |_, declared| {
            service(details, declared, words, name, switches);
        });
    }
}

/// Ties a switch to what describes it.
#[inline(never)]
fn describe(switch: Value, description: Value, id: Value) {
    set(description, "id", id);
    set(switch, "aria-describedby", id);
}

fn service(details: Value, service: Value, words: Value, category: Value, switches: bool) {
    let block = add(details, "div");
    let label = if switches { add(block, "label") } else { block };
    say(label, "h4", service, "name");
    let provided = fill(get(words, "provided"), "{purpose}", get(service, "purpose"));
    let provided = fill(provided, "{provider}", get(service, "provider"));
    let description = add_text(block, "p class=q", provided);
    if switches {
        let switch = add(label, "input type=checkbox role=switch");
        let id = get(service, "id");
        set(switch, "name", category);
        set(switch, "value", id);
        describe(switch, description, fill(text("S{}"), "{}", id));
    }
    if length(get(service, "cookies")) > 0 {
        let body = table(block, service, words);
        each(service, "cookies", &mut |_, cookie| {
            let row = add(body, "tr role=row");
            for column in COLUMNS {
                set(cell(row, column, cookie, words), "data-h", get(words, column));
            }
        });
    }
}

/// The name leads its row; it keeps its own direction in a text from right to left.
fn cell(row: Value, column: &str, cookie: Value, words: Value) -> Value {
    match column {
        "name" => {
            let head = add(row, "th role=rowheader scope=row");
            say(head, "bdi", cookie, column);
            head
        }
        "party" => add_text(row, "td role=cell", get_by(words, get(cookie, column))),
        _ => say(row, "td role=cell", cookie, column),
    }
}

/// A table with its caption and head; the part that takes the rows.
fn table(block: Value, service: Value, words: Value) -> Value {
    let table = add(block, "table role=table");
    add_text(table, "caption", fill(get(words, "cookies_of"), "{service}", get(service, "name")));
    let head = add(add(table, "thead role=rowgroup"), "tr role=row");
    for column in COLUMNS {
        say(head, "th role=columnheader scope=col", words, column);
    }
    add(table, "tbody role=rowgroup")
}
