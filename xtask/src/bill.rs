//! The bill of materials: each crate that a published program is made of, as CycloneDX, from what Cargo says of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Result;
use crate::workspace::{cargo, version};

/// The bill of one program with these features, for Linux: what is linked into it.
pub fn of(package: &str, features: &str) -> Result<String> {
    let said = cargo()
        .args(["tree", "--locked", "--quiet", "--package", package, "--no-default-features", "--features", features])
        .args(["--target", "x86_64-unknown-linux-musl", "--edges", "normal", "--prefix", "depth", "--format", "|{p}|{l}"])
        .output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    let mut licences = BTreeMap::new();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // What stands at each depth above the line at hand.
    let mut above: Vec<String> = Vec::new();
    for line in String::from_utf8(said.stdout)?.lines() {
        let parts: Vec<&str> = line.splitn(3, '|').collect();
        let [depth, package, licence] = parts.as_slice() else { return Err(format!("not a line of a tree: {line:?}").into()) };
        let mut words = package.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim_start_matches('v'));
        let it = format!("{name}@{version}");
        above.truncate(depth.parse()?);
        if let Some(parent) = above.last() {
            edges.entry(parent.clone()).or_default().insert(it.clone());
        }
        edges.entry(it.clone()).or_default();
        // A crate that stood there before is marked as such, behind its licence.
        let licence = licence.trim_end_matches(" (*)");
        licences.insert(it.clone(), if licence.is_empty() { "NOASSERTION".to_owned() } else { licence.replace('/', " OR ") });
        above.push(it);
    }
    let root = format!("{package}@{}", version()?);
    let component = |(it, licence): (&String, &String)| {
        let (name, version) = it.split_once('@').unwrap_or((it, ""));
        json!({
            "type": "library",
            "bom-ref": it,
            "name": name,
            "version": version,
            "purl": format!("pkg:cargo/{name}@{version}"),
            "licenses": [{ "expression": licence }],
        })
    };
    let components: Vec<Value> = licences.iter().filter(|(it, _)| **it != root).map(component).collect();
    let dependencies: Vec<Value> = edges.iter().map(|(it, on)| json!({ "ref": it, "dependsOn": on })).collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": root,
            "name": "fervor",
            "version": version()?,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        } },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_names_what_is_linked_and_nothing_else() {
        let bill: Value = serde_json::from_str(&of("fervor-cli", "general,serve").unwrap()).unwrap();
        let list = |key: &str| bill[key].as_array().unwrap().clone();
        let names: Vec<String> = list("components").iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        let has = |name: &str| names.iter().any(|known| known == name);
        assert!(["fervor", "axum", "rten", "zune-jpeg"].into_iter().all(has), "{names:?}");
        assert!(!["burn-core", "arrow-array", "wasm-bindgen", "fervor-cli"].into_iter().any(has), "{names:?}");
        assert!(list("components").iter().all(|one| one["licenses"][0]["expression"] != "NOASSERTION"));
        let known: Vec<Value> = list("components").iter().map(|one| one["bom-ref"].clone()).collect();
        let edges = list("dependencies");
        assert_eq!(edges.len(), known.len() + 1, "the program, too");
        assert!(edges.iter().flat_map(|one| one["dependsOn"].as_array().unwrap()).all(|on| known.contains(on)));
    }
}
