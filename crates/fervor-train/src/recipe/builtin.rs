//! The project's own recipes, inside the program.

use fervor::{Error, Reason, Result};

macro_rules! recipes {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../../recipes/", $name, ".toml")))),*] };
}

/// Name and text, the one to begin with first.
const RECIPES: [(&str, &str); 15] = recipes![
    "fervor-48",
    "finetune",
    "fervor-nano",
    "fervor-48-votes",
    "fervor-48-distilled",
    "fervor-48-settled",
    "fervor-48-two-heads",
    "fervor-48-settled-heads",
    "fervor-48-fixed-chips",
    "fervor-nano-two-heads",
    "fervor-nano-fixed-chips",
    "teacher-wide",
    "teacher-wide-settled",
    "system-a",
    "system-b",
];

/// The names of all, the one to begin with first.
pub fn names() -> impl Iterator<Item = &'static str> {
    RECIPES.iter().map(|(name, _)| *name)
}

/// The text of the recipe of this name.
pub fn text(name: &str) -> Option<&'static str> {
    RECIPES.iter().find(|(found, _)| *found == name).map(|(_, text)| *text)
}

/// The text of the recipe of this name.
///
/// # Errors
/// `Input`: none has it.
pub fn find(name: &str) -> Result<&'static str> {
    text(name).ok_or_else(|| {
        Error::input(format!("no built-in recipe has the name {name:?}")).because(Reason::Missing).with_hint(known())
    })
}

/// Which there are, for hints.
pub(super) fn known() -> String {
    format!("built in: {}; other recipes are TOML files", names().collect::<Vec<_>>().join(", "))
}

/// Each name with what its recipe says of itself: the first sentence of the remarks above it.
pub fn list() -> impl Iterator<Item = (&'static str, String)> {
    RECIPES.iter().map(|(name, text)| {
        let remarks = text.lines().map_while(|line| line.strip_prefix("# "));
        let remarks = remarks.take_while(|line| !line.starts_with(' ')).collect::<Vec<_>>().join(" ");
        let sentence = remarks.split_once(". ").map_or(remarks.as_str(), |(first, _)| first);
        (*name, sentence.trim_end_matches('.').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_project_is_inside_and_says_what_it_is() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut inside: Vec<&str> = names().collect();
        files.sort();
        inside.sort_unstable();
        assert_eq!(files, inside);
        let about: Vec<String> = list().map(|(_, about)| about).collect();
        assert!(about.iter().all(|about| about.len() > 40 && !about.contains('\n')), "{about:?}");
        assert!(about[0].starts_with("Our compact residual network: 48x48 grey"), "{about:?}");
        assert!(find("fervor-49").unwrap_err().hint().unwrap().contains("built in: fervor-48, finetune"));
    }
}
