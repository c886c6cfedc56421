//! The categories of a declaration: what a visitor decides on.
//!
//! In: every `[[site.category]]`, or none. Out: the categories in the order they are shown. Invariant: `necessary` is
//! there and first, and a category of the site's own says what it is.

use super::error::Problem;
use super::language::{Language, Translated};
use super::name::CategoryName;
use super::reader::{Section, nearest};
use wire::{Category, limits};

/// A category that the visitor decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryDeclaration {
    /// Its name in cookies, markup and rows.
    pub name: CategoryName,
    /// Its title; the four default categories have one of their own.
    pub title: Option<Translated>,
    /// What it is for; the four default categories have a description of their own.
    pub description: Option<Translated>,
}

/// The site's categories, `necessary` first; the four default ones if the file names none.
pub(super) fn read_all(section: &Section<'_>, languages: &[Language]) -> Vec<CategoryDeclaration> {
    let mut names: Vec<CategoryName> = Vec::new();
    let declared = section.sections("category", |category| {
        let name = category.require("name", "Write name = \"…\".", |node| CategoryName::read(node.text()?));
        let title = category.get("title", |node| Translated::read(node, languages));
        let description = category.get("description", |node| Translated::read(node, languages));
        let name = name?;
        if names.contains(&name) {
            let problem =
                Problem::new(format!("The category `{name}` is declared twice."), "Remove one of them.");
            category.wrong("name", problem);
        }
        names.push(name.clone());
        let own = Category::ALL.iter().all(|default| default.name() != name.as_str());
        for key in ["title", "description"] {
            if own && !category.has(key) {
                let wrong =
                    format!("`{name}` is a category of your own, and visitors must be told what it is.");
                category.wrong(key, Problem::new(wrong, format!("Add {key} = \"…\".")));
            }
        }
        Some(CategoryDeclaration { name, title, description })
    });
    if !section.has("category") {
        return Category::ALL.into_iter().map(default_category).collect();
    }
    let mut categories: Vec<CategoryDeclaration> = declared.into_iter().flatten().collect();
    if !names.iter().any(|name| name.as_str() == Category::Necessary.name()) {
        let mend = "Add [[site.category]] with name = \"necessary\".";
        section.wrong(
            "category",
            Problem::new("`necessary` is not among the categories, and cannot be removed.", mend),
        );
    }
    if categories.len() > limits::CATEGORIES_MAX {
        let mend = format!("Keep at most {}.", limits::CATEGORIES_MAX);
        section.wrong("category", Problem::new("There are too many categories to decide on.", mend));
    }
    categories.sort_by_key(|category| category.name.as_str() != Category::Necessary.name());
    categories
}

fn default_category(category: Category) -> CategoryDeclaration {
    CategoryDeclaration { name: category.into(), title: None, description: None }
}

/// A service's category must be one of the site's.
pub(super) fn known_category(
    text: &str,
    categories: &[CategoryDeclaration],
) -> Result<CategoryName, Problem> {
    let names = || categories.iter().map(|category| category.name.as_str());
    let found = categories.iter().find(|category| category.name.as_str() == text);
    found.map(|category| category.name.clone()).ok_or_else(|| {
        let all = names().collect::<Vec<_>>().join(", ");
        let mend = nearest(text, names())
            .unwrap_or_else(|| format!("Choose from {all}, or declare it as [[site.category]]."));
        Problem::new(format!("The site has no category \"{text}\"."), mend)
    })
}
