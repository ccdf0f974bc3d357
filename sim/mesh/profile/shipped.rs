//! The profiles that come with the program.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Sources, Style, closest, quote};
use crate::input::tree::parse;

use super::Profile;
use super::decode::decode_shipped;

/// A profile that is part of the program.
#[derive(Debug)]
pub struct Shipped {
    /// As the user names it.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// Every shipped profile, in the order in which they are listed and compared.
pub static SHIPPED: [Shipped; 3] = [
    Shipped { name: "none", text: include_str!("../../../models/none.yaml") },
    Shipped { name: "istio-sidecar", text: include_str!("../../../models/istio-sidecar.yaml") },
    Shipped { name: "linkerd", text: include_str!("../../../models/linkerd.yaml") },
];

/// What every profile stands on: the gateway, an Envoy that is there under every mesh.
static FOUNDATION: Shipped = Shipped { name: "gateway", text: include_str!("../../../models/gateway.yaml") };

/// The names of the shipped profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// The shipped profile of that name.
///
/// # Errors
/// When there is none; located at `place`.
///
/// # Panics
/// When a shipped file is wrong, which a test rules out.
pub fn find(name: &str, place: Option<Location>) -> Result<Profile, Box<Diagnostic>> {
    if let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return Ok(shipped.load(foundation(), false));
    }
    let known: Vec<_> = names().collect();
    let problem = Diagnostic::error(Code::InvalidValue, format!("there is no profile {}", quote(name)));
    let problem = match place {
        Some(location) => problem.at(location),
        None => problem,
    };
    let hint = format!("shipped are {}; your own is named by its file", known.join(", "));
    Err(Box::new(problem.hint(hint).suggest(closest(name, known))))
}

/// A profile that has only its gateway.
pub(super) fn foundation() -> Profile {
    let fragment = FOUNDATION.load(Profile::blank(), true);
    Profile { head: super::Head::default(), ..fragment }
}

impl Shipped {
    fn load(&self, base: Profile, is_fragment: bool) -> Profile {
        let mut sources = Sources::default();
        let mut diagnostics = Diagnostics::default();
        let file = sources.add(format!("models/{}.yaml", self.name), self.text);
        let documents = parse(self.text, file, &mut diagnostics);
        let profile = documents.first().map(|root| decode_shipped(root, base, is_fragment, &mut diagnostics));
        match profile {
            Some(profile) if !diagnostics.has_errors() => profile,
            _ => panic!("a shipped profile is wrong:\n{}", diagnostics.render(&sources, Style::Plain)),
        }
    }
}
