//! What a mesh's own objects ask of its profile.

use crate::input::draft::{FeatureDraft, FeatureValue};

use super::{Profile, Setting, table};

impl Profile {
    /// Takes over what one object asks for, proxies first: what they have and refuse, the gateway does not do either.
    /// Returns whether anything was taken over.
    pub fn follow(&mut self, features: &[&FeatureDraft]) -> bool {
        let mut followed = false;
        let mut refused: Vec<&str> = Vec::new();
        for feature in features {
            let of_role = feature.path.split_once('.').map_or(feature.path.as_str(), |(_, rest)| rest);
            if refused.contains(&of_role) {
                continue;
            }
            if self.take_over(feature) {
                followed = true;
            } else if self.get(&feature.path).is_some() {
                refused.push(of_role);
            }
        }
        followed
    }

    fn take_over(&mut self, feature: &FeatureDraft) -> bool {
        let place = Some(feature.object.location);
        match &feature.value {
            FeatureValue::To(text) => self.set(&feature.path, text, place).is_ok(),
            FeatureValue::Times(factor) => self.multiply(&feature.path, *factor),
            FeatureValue::Instead { word, value } => {
                let is_said =
                    |setting: &Setting| matches!(setting, Setting::Word(said) if said.word == *word);
                self.get(&feature.path).is_some_and(is_said) && self.set(&feature.path, value, place).is_ok()
            }
        }
    }

    /// Multiplies a number and its range.
    fn multiply(&mut self, path: &str, factor: f64) -> bool {
        let position = table().position(path);
        let Some(Some(Setting::Number(quantity))) = position.and_then(|row| self.settings.get_mut(row))
        else {
            return false;
        };
        for number in [&mut quantity.value, &mut quantity.low, &mut quantity.high] {
            *number *= factor;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;
    use crate::diag::{Location, Sources};
    use crate::input::tree::Located;

    #[test]
    fn objects_change_what_a_profile_has_and_nothing_else() {
        let number = |profile: &Profile, path: &str| match profile.get(path) {
            Some(Setting::Number(quantity)) => (quantity.value, quantity.high),
            _ => panic!("{path} is no number"),
        };
        let [callbacks, wasm] = ["proxy.features.wasm.callbacks", "proxy.features.wasm.enabled"];
        let on = || FeatureValue::switch(true);
        let mut profile = find("istio-sidecar", None).expect("it is shipped");
        let before = number(&profile, callbacks);
        assert!(profile.follow(&[&feature(callbacks, FeatureValue::Times(2.0)), &feature(wasm, on())]));
        assert_eq!(number(&profile, callbacks), (2.0 * before.0, 2.0 * before.1));
        assert!(matches!(profile.get(wasm), Some(Setting::Word(word)) if word.word == "on"));
        let same = profile.clone();
        assert!(!profile.follow(&[&feature("waypoint.features.wasm.enabled", on())]));
        assert!(!profile.follow(&[&feature("waypoint.features.wasm.callbacks", FeatureValue::Times(2.0))]));
        assert_eq!(profile, same);
    }

    #[test]
    fn what_proxies_refuse_their_gateway_does_not_do() {
        let features = |what: &str, value: &FeatureValue| {
            ["proxy", "gateway"].map(|role| feature(&format!("{role}.{what}"), value.clone()))
        };
        let follow = |mesh: &str, features: &[FeatureDraft]| {
            let mut profile = find(mesh, None).expect("it is shipped");
            let before = profile.clone();
            let followed = profile.follow(&features.iter().collect::<Vec<_>>());
            assert_eq!(followed, profile != before, "{mesh}");
            followed
        };
        let wasm = features("features.wasm.enabled", &FeatureValue::switch(true));
        assert!(follow("istio-sidecar", &wasm) && !follow("linkerd", &wasm));
        let value = FeatureValue::Instead { word: "from_cpu_limit".to_owned(), value: "7".to_owned() };
        let workers = features("workers", &value);
        assert!(follow("istio-sidecar", &workers) && !follow("linkerd", &workers));
        let log = features("features.access_log.enabled", &FeatureValue::switch(true));
        assert!(follow("istio-sidecar", &log) && follow("linkerd", &log));
    }

    fn feature(path: &str, value: FeatureValue) -> FeatureDraft {
        let mut sources = Sources::default();
        let place = Location::new(sources.add("a.yaml", "x"), 0, 1);
        FeatureDraft { object: Located::new("WasmPlugin a".to_owned(), place), path: path.to_owned(), value }
    }
}
