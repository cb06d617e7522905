//! A second opinion: the same question to another endpoint, before an answer ends a settlement.

use super::{
    gateway::{EndpointId, NetworkRpc},
    wire::{Answer, Call, RpcFailure},
};

/// Answers, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// In the order of the calls.
    pub answers: Vec<Answer>,
    /// Who gave them.
    pub endpoint: EndpointId,
}

impl NetworkRpc {
    /// Reads as [`read`](Self::read) does, and tells which endpoint answered.
    ///
    /// # Errors
    /// [`RpcFailure`] when none answered.
    pub async fn read_from(&self, calls: &[Call]) -> Result<Answered, RpcFailure> {
        let asked = self.ask_any(calls).await?;
        Ok(Answered { answers: asked.answers, endpoint: asked.endpoint })
    }

    /// Asks the other endpoints that are good, in their order, until one answers; never `than`, nor one that
    /// is passed over, whose word would prove nothing. None if there is no other good one.
    ///
    /// The inner error says that there are some and none answered.
    pub async fn read_from_other(
        &self,
        calls: &[Call],
        than: EndpointId,
    ) -> Option<Result<Vec<Answer>, RpcFailure>> {
        let mut failures = Vec::new();
        for other in self.others(than) {
            match self.ask_endpoint(other, calls).await {
                Ok(answers) => return Some(Ok(answers)),
                Err(refused @ RpcFailure::BadRequest(_)) => return Some(Err(refused)),
                Err(RpcFailure::Unavailable(what)) => failures.push(what),
            }
        }
        (!failures.is_empty()).then(|| Err(RpcFailure::Unavailable(failures.join(", "))))
    }

    /// Whether there is another good endpoint to ask.
    #[must_use]
    pub fn has_other(&self, than: EndpointId) -> bool {
        !self.others(than).is_empty()
    }

    fn others(&self, than: EndpointId) -> Vec<EndpointId> {
        let good = self.wake().good();
        good.into_iter().map(EndpointId).filter(|other| *other != than).collect()
    }
}
