//! The first layer: who asks, what for, who else takes part, that it can be withdrawn, and three choices of one size.

use super::View;
use crate::dom::{add, add_mark, add_text, fill, set, text, write};
use js_sys::JsString;

impl View<'_> {
    /// Builds it at its place; the visitor's focus stays where it is. Its title is a live region: `entry.js` puts the words
    /// in once more when a screen reader knows the region, so that they are read out.
    pub(crate) fn notice(&self) {
        let section = self.layer("section aria-labelledby=H part=notice");
        set(&section, "class", self.all.get("position"));
        if self.is_on("close") {
            self.cross(&section, "button class=x value=1", "close_refuse");
        }
        let body = add(&section, "div tabindex=0");
        let heading = add(&body, "h2 id=H");
        add_mark(&heading);
        self.say(&heading, "span aria-live=polite", "title");
        let paragraph = add(&body, "p");
        write(&paragraph, self.sentence());
        set(&add_text(&paragraph, "a", self.words.get("policy")), "href", self.all.get("policy"));
        self.note(&body);
        self.session(&body);
        self.choices(&section, "button part=more class=o value=3", "choose");
    }

    fn sentence(&self) -> JsString {
        let parties = || self.all.get("parties");
        let others = self.words.variant("parties_", parties(), "parties_many");
        let sentence = fill(self.words.get("ask"), "{others}", others);
        let sentence = fill(sentence, "{parties}", parties());
        let sentence = fill(sentence, "{purposes}", self.purposes());
        fill(sentence, "{controller}", self.all.get("controller"))
    }

    /// What each optional category is for, `a, b and c`; where the site defined it, in the words of its title. Each step
    /// leaves one `{}` for what is still to come.
    fn purposes(&self) -> JsString {
        let mut sentence = text("{}");
        let categories = self.all.list("categories");
        for index in 1..categories.length() {
            let category = categories.get(index);
            let purpose = self.words.variant("purpose_", category.get("name"), "purpose_other");
            let follows = match categories.length() - index {
                1 => text("{0}"),
                2 => self.words.get("and"),
                _ => self.words.get("list"),
            };
            let purpose = fill(purpose, "{title}", category.get("title"));
            sentence = fill(sentence, "{}", fill(follows, "{0}", purpose));
        }
        sentence
    }
}
