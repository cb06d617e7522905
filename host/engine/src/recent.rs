//! The last few compiled components in memory, so that a swap back is instant.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wasmtime::component::Component;

use crate::Wasi;

/// Components that are kept, and the machine code of all of them together. The newest is kept whatever
/// its size.
const MAX_COMPONENTS: usize = 3;
const MAX_CODE_BYTES: usize = 256 << 20;

/// Keyed by digest and grant: the same bytes are other code for the other runtime.
#[derive(Default)]
pub(crate) struct Recent {
    /// The one used last in front.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    wasi: Wasi,
    sha256: String,
    component: Component,
    code_bytes: usize,
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, wasi: Wasi, sha256: &str) -> Option<Component> {
        let mut kept = self.lock();
        let at = kept.iter().position(|kept| kept.wasi == wasi && kept.sha256 == sha256)?;
        let used = kept.remove(at)?;
        let component = used.component.clone();
        kept.push_front(used);
        Some(component)
    }

    pub(crate) fn put(&self, wasi: Wasi, sha256: &str, component: &Component) {
        let image = component.image_range();
        let code_bytes = image.end.addr().saturating_sub(image.start.addr());
        let mut kept = self.lock();
        kept.retain(|kept| kept.wasi != wasi || kept.sha256 != sha256);
        kept.push_front(Kept { wasi, sha256: sha256.to_owned(), component: component.clone(), code_bytes });
        while kept.len() > 1
            && (kept.len() > MAX_COMPONENTS
                || kept.iter().map(|kept| kept.code_bytes).sum::<usize>() > MAX_CODE_BYTES)
        {
            kept.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_not_used_for_longest_goes_first() {
        let engine = wasmtime::Engine::default();
        let component = Component::from_binary(&engine, b"\0asm\x0d\0\x01\0").expect("an empty component");
        let recent = Recent::default();
        for number in 0..MAX_COMPONENTS {
            recent.put(Wasi::Refused, &number.to_string(), &component);
        }
        assert!(recent.get(Wasi::Refused, "0").is_some());
        assert!(recent.get(Wasi::Virtual, "0").is_none(), "another grant is another component");
        recent.put(Wasi::Virtual, "0", &component);
        assert!(recent.get(Wasi::Refused, "1").is_none(), "unused for longest");
        assert!(recent.get(Wasi::Refused, "0").is_some());
        assert!(recent.get(Wasi::Virtual, "0").is_some());
        assert_eq!(recent.lock().len(), MAX_COMPONENTS);
        assert!(recent.lock().iter().all(|kept| kept.code_bytes > 0));
    }
}
