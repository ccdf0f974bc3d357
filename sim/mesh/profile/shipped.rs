//! The profiles that come with the program.

use crate::diag::{Code, Diagnostic, Diagnostics, Location, Sources, Style, closest, quote};
use crate::input::tree::{Node, parse};

use super::Profile;
use super::decode::{base_of, decode_fragment, decode_shipped, installs_of};

/// A profile that is part of the program.
#[derive(Debug)]
pub struct Shipped {
    /// As the user names it.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
    /// Whether it takes part where no mesh is asked for.
    pub is_compared: bool,
}

const fn shipped(name: &'static str, text: &'static str, is_compared: bool) -> Shipped {
    Shipped { name, text, is_compared }
}

/// Every shipped profile, in the order in which they are listed and compared.
#[rustfmt::skip]
pub static SHIPPED: [Shipped; 5] = [
    shipped("none", include_str!("../../../models/none.yaml"), true),
    shipped("istio-sidecar", include_str!("../../../models/istio-sidecar.yaml"), true),
    shipped("istio-ambient", include_str!("../../../models/istio-ambient.yaml"), true),
    shipped("istio-ambient-waypoint", include_str!("../../../models/istio-ambient-waypoint.yaml"), true),
    shipped("linkerd", include_str!("../../../models/linkerd.yaml"), true),
];

/// What every profile stands on: the gateway, an Envoy that is there under every mesh.
static FOUNDATION: Shipped = shipped("gateway", include_str!("../../../models/gateway.yaml"), false);

/// Between a profile's name and how it is installed: `linkerd@ha`.
const INSTALLED: char = '@';
/// What the profile is without asking for another installation.
const DEFAULT_INSTALL: &str = "default";

/// The names of the shipped profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// The names of those that are compared where no mesh is asked for.
pub fn compared() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().filter(|shipped| shipped.is_compared).map(|shipped| shipped.name)
}

/// The ways to install a shipped profile's mesh, `default` first; empty when there is no such profile.
///
/// # Panics
/// When a shipped file is wrong, which a test rules out.
pub fn install_profiles(name: &str) -> Vec<String> {
    let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) else {
        return Vec::new();
    };
    let further =
        shipped.read(|root, _| installs_of(root).into_iter().map(str::to_owned).collect::<Vec<_>>());
    std::iter::once(DEFAULT_INSTALL.to_owned()).chain(further).collect()
}

/// The shipped profile of that name, or (`linkerd@ha`) of a name and a way to install it.
///
/// # Errors
/// When there is none; located at `place`.
///
/// # Panics
/// When a shipped file is wrong, which a test rules out.
pub fn find(name: &str, place: Option<Location>) -> Result<Profile, Box<Diagnostic>> {
    let fail = |message: String| {
        let problem = Diagnostic::error(Code::InvalidValue, message);
        match place {
            Some(location) => problem.at(location),
            None => problem,
        }
    };
    let (mesh, install) = name.split_once(INSTALLED).unwrap_or((name, DEFAULT_INSTALL));
    let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == mesh) else {
        let known: Vec<_> = names().collect();
        let hint = format!("shipped are {}; your own is named by its file", known.join(", "));
        let problem = fail(format!("there is no profile {}", quote(mesh)));
        return Err(Box::new(problem.hint(hint).suggest(closest(mesh, known))));
    };
    let installs = install_profiles(mesh);
    if !installs.iter().any(|known| known == install) {
        let hint = format!("it is installed as {}", installs.join(" or "));
        let problem = fail(format!("{} is not installed as {}", quote(mesh), quote(install)));
        return Err(Box::new(problem.hint(hint)));
    }
    Ok(shipped.load(Some(install).filter(|install| *install != DEFAULT_INSTALL)))
}

/// A profile that has only its gateway.
pub(super) fn foundation() -> Profile {
    let fragment = FOUNDATION.read(decode_fragment);
    Profile { head: super::Head::default(), ..fragment }
}

impl Shipped {
    fn load(&self, install: Option<&str>) -> Profile {
        self.read(|root, diagnostics| {
            let base = match base_of(root).and_then(|base| SHIPPED.iter().find(|other| other.name == base)) {
                Some(base) => base.load(None),
                None => foundation(),
            };
            decode_shipped(root, base, install, diagnostics)
        })
    }

    /// What `reader` makes of the file.
    fn read<T>(&self, reader: impl FnOnce(&Node, &mut Diagnostics) -> T) -> T {
        let mut sources = Sources::default();
        let mut diagnostics = Diagnostics::default();
        let file = sources.add(format!("models/{}.yaml", self.name), self.text);
        let documents = parse(self.text, file, &mut diagnostics);
        let result = documents.first().map(|root| reader(root, &mut diagnostics));
        match result {
            Some(result) if !diagnostics.has_errors() => result,
            _ => panic!("a shipped profile is wrong:\n{}", diagnostics.render(&sources, Style::Plain)),
        }
    }
}
