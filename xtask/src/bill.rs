//! The bill of materials: each crate that the published programs are made of, as CycloneDX, from what Cargo says of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Result;
use crate::workspace::{cargo, version};

/// The bill of one program with these features, for Linux.
pub fn of(package: &str, features: &str) -> Result<String> {
    let said = cargo()
        .args(["metadata", "--locked", "--format-version", "1", "--no-default-features", "--features", features])
        .args(["--filter-platform", "x86_64-unknown-linux-musl"])
        .output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    let metadata: Value = serde_json::from_slice(&said.stdout)?;
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"]).map(|p| (text(&p["id"]), p)).collect();
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"]).map(|n| (text(&n["id"]), n)).collect();
    let root = packages.values().find(|p| p["name"] == package).ok_or("no such package")?;
    let mut found = BTreeSet::new();
    let mut waiting = vec![text(&root["id"])];
    while let Some(id) = waiting.pop() {
        if found.insert(id) {
            // Crates of tests alone are in no program.
            let linked = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev");
            waiting.extend(list(&nodes[id]["deps"]).filter(linked).map(|dependency| text(&dependency["pkg"])));
        }
    }
    let component = |id: &&str| {
        let package = packages[id];
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        json!({
            "type": "library",
            "bom-ref": format!("{name}@{version}"),
            "name": name,
            "version": version,
            "purl": format!("pkg:cargo/{name}@{version}"),
            "licenses": [{ "expression": package["license"].as_str().unwrap_or("NOASSERTION").replace('/', " OR ") }],
        })
    };
    let mut components: Vec<Value> = found.iter().filter(|id| **id != text(&root["id"])).map(component).collect();
    components.sort_by_key(|component| component["bom-ref"].to_string());
    let names = |ids: &Value| -> Vec<String> {
        let kept = list(ids).map(text).filter(|id| found.contains(id));
        kept.map(|id| format!("{}@{}", text(&packages[id]["name"]), text(&packages[id]["version"]))).collect()
    };
    let mut dependencies: Vec<Value> =
        found.iter().map(|id| json!({ "ref": names(&json!([id]))[0], "dependsOn": names(&nodes[id]["dependencies"]) })).collect();
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": format!("{package}@{}", version()?),
            "name": "fervor",
            "version": version()?,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        } },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
