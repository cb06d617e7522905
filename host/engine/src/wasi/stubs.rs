//! What of WASI is there only to be imported: each function of it ends the call.

use wasmtime::{
    bail,
    component::{Component, Linker, LinkerInstance, ResourceType, types::ComponentItem},
};
use wasmtime_wasi::filesystem::Descriptor;

use super::is_wasi;
use crate::budget::HostState;

/// What `link` answers, whole, in any version of the 0.2 line: the linker finds it by semantic version.
const ANSWERED: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Functions and resources that are stubbed for one component; all of WASI 0.2 with HTTP has some 300.
const MAX_STUBS: usize = 2000;

/// Stands for a resource that no guest ever gets.
struct Never;

fn is_answered(import: &str) -> bool {
    import.split_once('@').is_some_and(|(interface, version)| {
        let answered = semver::Version::parse(version)
            .is_ok_and(|version| (version.major, version.minor) == (0, 2) && version.pre.is_empty());
        answered && ANSWERED.contains(&interface)
    })
}

/// Defines each WASI import of `component` that `link` does not answer as a trap.
///
/// Wasmtime has such a function for imports of any name; this one keeps to `wasi:`, so that whatever
/// else is unknown is still refused, and finds what is answered by semantic version.
pub(crate) fn trap_the_rest(linker: &mut Linker<HostState>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    let component_type = component.component_type();
    // A resource is defined where it appears first; later it is imported as an alias of that.
    let mut seen = Vec::new();
    let mut stubs = Stubs { left: MAX_STUBS };
    for (import, item) in component_type.imports(engine) {
        let stubbed = is_wasi(import) && !is_answered(import);
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                let mut linked = if stubbed { Some(linker.instance(import)?) } else { None };
                for (member, item) in instance.exports(engine) {
                    let first = stubs.is_first(&mut seen, &item.ty)?;
                    if let Some(linked) = &mut linked {
                        stubs.define(linked, import, member, &item.ty, first)?;
                    }
                }
            }
            item => {
                let first = stubs.is_first(&mut seen, &item)?;
                if stubbed {
                    stubs.define(&mut linker.root(), "", import, &item, first)?;
                }
            }
        }
    }
    Ok(())
}

struct Stubs {
    left: usize,
}

impl Stubs {
    fn is_first(&mut self, seen: &mut Vec<ResourceType>, item: &ComponentItem) -> wasmtime::Result<bool> {
        let ComponentItem::Resource(resource) = item else { return Ok(false) };
        if seen.contains(resource) {
            return Ok(false);
        }
        self.count()?;
        seen.push(*resource);
        Ok(true)
    }

    fn count(&mut self) -> wasmtime::Result<()> {
        let Some(left) = self.left.checked_sub(1) else {
            bail!("imports more than {MAX_STUBS} functions and resources of WASI");
        };
        self.left = left;
        Ok(())
    }

    fn define(
        &mut self,
        linked: &mut LinkerInstance<'_, HostState>,
        interface: &str,
        member: &str,
        item: &ComponentItem,
        first: bool,
    ) -> wasmtime::Result<()> {
        match item {
            ComponentItem::ComponentFunc(_) => {
                self.count()?;
                let name =
                    if interface.is_empty() { member.to_owned() } else { format!("{interface}#{member}") };
                linked.func_new(member, move |_, _, _, _| bail!("{name} is not granted"))
            }
            ComponentItem::Resource(_) if first => {
                // `preopens`, which is answered, names this one.
                let resource = if interface.starts_with("wasi:filesystem/types@") && member == "descriptor" {
                    ResourceType::host::<Descriptor>()
                } else {
                    ResourceType::host::<Never>()
                };
                linked.resource(member, resource, |_, _| Ok(()))
            }
            // Types need no definition; what else there is stays undefined, and the component is refused.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_interfaces_of_0_2_are_answered() {
        for answered in ["wasi:cli/environment@0.2.0", "wasi:io/poll@0.2.12", "wasi:random/random@0.2.99"] {
            assert!(is_answered(answered), "{answered}");
        }
        for not in [
            "wasi:cli/environment",
            "wasi:cli/environment@0.2",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment@0.2.0-rc-2023-11-10",
            "wasi:cli/run@0.2.0",
            "wasi:filesystem/types@0.2.0",
            "wasi:sockets/tcp@0.2.0",
            "wasi:http/types@0.2.0",
        ] {
            assert!(!is_answered(not), "{not}");
        }
    }
}
