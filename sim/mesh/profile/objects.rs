//! What a mesh's own objects ask of its profile.

use crate::input::draft::{FeatureDraft, FeatureValue};

use super::{Profile, Setting, table};

impl Profile {
    /// Takes over the value that an object asks for; whether the profile has such a value.
    pub fn follow(&mut self, feature: &FeatureDraft) -> bool {
        match &feature.value {
            FeatureValue::To(text) => self.set(&feature.path, text, Some(feature.object.location)).is_ok(),
            FeatureValue::Times(factor) => self.multiply(&feature.path, *factor),
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
        let mut sources = Sources::default();
        let place = Location::new(sources.add("a.yaml", "x"), 0, 1);
        let feature = |path: &str, value| FeatureDraft {
            object: Located::new("WasmPlugin a".to_owned(), place),
            path: path.to_owned(),
            value,
        };
        let mut profile = find("istio-sidecar", None).expect("it is shipped");
        let number = |profile: &Profile, path: &str| match profile.get(path) {
            Some(Setting::Number(quantity)) => (quantity.value, quantity.high),
            _ => panic!("{path} is no number"),
        };
        let path = "proxy.features.wasm.callbacks";
        let before = number(&profile, path);
        assert!(profile.follow(&feature(path, FeatureValue::Times(2.0))));
        assert_eq!(number(&profile, path), (2.0 * before.0, 2.0 * before.1));
        assert!(profile.follow(&feature("proxy.features.wasm.enabled", FeatureValue::switch(true))));
        assert!(
            matches!(profile.get("proxy.features.wasm.enabled"), Some(Setting::Word(word)) if word.word == "on")
        );
        let same = profile.clone();
        assert!(!profile.follow(&feature("waypoint.features.wasm.enabled", FeatureValue::switch(true))));
        assert!(!profile.follow(&feature("waypoint.features.wasm.callbacks", FeatureValue::Times(2.0))));
        assert_eq!(profile, same);
    }
}
