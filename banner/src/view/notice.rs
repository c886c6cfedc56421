//! The first layer: who asks, what for, who else takes part, that it can be withdrawn, and three choices of one size.

use super::{choices, cross, each, is_on, layer, note, session};
use crate::dom::{ALL, Value, add, add_mark, fill, get, length, say, set, text, variant, write};

/// Builds it at its place; the visitor's focus stays where it is. Its title is a live region: `entry.js` puts the words in
/// once more when a screen reader knows the region, so that they are read out.
pub(crate) fn notice() {
    let words = get(ALL, "text");
    let section = layer("section aria-labelledby=H part=notice");
    set(section, "class", get(ALL, "position"));
    if is_on("close") {
        cross(section, "button class=x value=1", words, "close_refuse");
    }
    let body = add(section, "div tabindex=0");
    let heading = add(body, "h2 id=H");
    add_mark(heading);
    say(heading, "span aria-live=polite", words, "title");
    let paragraph = add(body, "p");
    write(paragraph, sentence(words));
    set(say(paragraph, "a", words, "policy"), "href", get(ALL, "policy"));
    note(body);
    session(words, body);
    choices(section, words, "button part=more class=o value=3", "choose");
}

fn sentence(words: Value) -> Value {
    let parties = get(ALL, "parties");
    let others = variant(words, "parties_", parties, "parties_many");
    let sentence = fill(get(words, "ask"), "{others}", others);
    let sentence = fill(sentence, "{parties}", parties);
    let sentence = fill(sentence, "{purposes}", purposes(words));
    fill(sentence, "{controller}", get(ALL, "controller"))
}

/// What each optional category is for, `a, b and c`; where the site defined it, in the words of its title. Each step
/// leaves one `{}` for what is still to come.
fn purposes(words: Value) -> Value {
    let mut sentence = text("{}");
    let mut to_come = length(get(ALL, "categories"));
    each(ALL, "categories", &mut |index, category| {
        to_come -= 1;
        if index > 0 {
            let purpose = variant(words, "purpose_", get(category, "name"), "purpose_other");
            let follows = match to_come {
                0 => text("{0}"),
                1 => get(words, "and"),
                _ => get(words, "list"),
            };
            let purpose = fill(purpose, "{title}", get(category, "title"));
            sentence = fill(sentence, "{}", fill(follows, "{0}", purpose));
        }
    });
    sentence
}
