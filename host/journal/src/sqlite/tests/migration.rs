//! Files that an older program wrote.

use rusqlite::params;

use super::*;
use crate::{Liveness, Slot};

/// The first schema as it was released, and what marks it.
const SCHEMA_1: &str = "
    CREATE TABLE settlement (
        payment_id TEXT NOT NULL PRIMARY KEY,
        payload TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        network TEXT NOT NULL,
        x402_version INTEGER NOT NULL,
        scheme TEXT NOT NULL,
        request TEXT NOT NULL,
        guest_name TEXT NOT NULL,
        guest_sha256 BLOB NOT NULL,
        state TEXT NOT NULL,
        payer TEXT NOT NULL,
        amount TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        signer TEXT,
        lane_sequence INTEGER,
        signed_transaction TEXT,
        signed_bytes BLOB,
        final_transaction TEXT,
        reason TEXT,
        message TEXT,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX settlement_unfinished ON settlement (created_at_ms, payment_id)
        WHERE state IN ('claimed', 'approved', 'signed', 'broadcast');
    CREATE INDEX settlement_payload ON settlement (payload, created_at_ms, payment_id);
    CREATE INDEX settlement_signed_transaction ON settlement (signed_transaction)
        WHERE signed_transaction IS NOT NULL;
    CREATE INDEX settlement_final_transaction ON settlement (final_transaction)
        WHERE final_transaction IS NOT NULL;
    PRAGMA application_id = 2016686130;
    PRAGMA user_version = 1;
";

/// One row of the first schema; what is signed has the number `lane_sequence`.
fn insert(connection: &Connection, name: &str, state: State, lane_sequence: Option<i64>) {
    let is_signed = !state.is_releasable();
    let (reason, transaction) = match state {
        State::Confirmed => (None, Some("0xseen")),
        State::Failed | State::Expired => (Some("reason"), None),
        _ => (None, None),
    };
    let created_at_ms = connection.query_row("SELECT count(*) FROM settlement", (), |row| row.get(0));
    connection
        .execute(
            "INSERT INTO settlement VALUES (?1, 'payload', 'f', 'eip155:84532', 2, 'exact', '{}', 'evm', ?2,
                 ?3, '0xpayer', '1', 99, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10)",
            params![
                name,
                [0u8; 32],
                state.as_str(),
                is_signed.then_some("0xsigner"),
                lane_sequence,
                is_signed.then(|| format!("0x{name}")),
                is_signed.then_some([1u8, 2]),
                transaction,
                reason,
                created_at_ms.unwrap_or(0_i64),
            ],
        )
        .unwrap();
}

fn old_journal(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(SCHEMA_1).unwrap();
    insert(&connection, "claimed", State::Claimed, None);
    insert(&connection, "approved", State::Approved, None);
    insert(&connection, "signed", State::Signed, Some(7));
    insert(&connection, "broadcast", State::Broadcast, Some(9));
    insert(&connection, "same-number", State::Broadcast, Some(9));
    insert(&connection, "numberless", State::Broadcast, None);
    insert(&connection, "confirmed", State::Confirmed, Some(20));
    insert(&connection, "failed", State::Failed, Some(21));
    insert(&connection, "expired", State::Expired, Some(22));
}

#[tokio::test]
async fn unfinished_settlements_of_an_old_file_wait_for_an_owner_and_the_others_are_sealed() {
    let (_directory, path) = directory();
    old_journal(&path);
    let journal = open(&path).unwrap();
    let nobody = Owner::from_number(0);
    let page = journal.unsealed(nobody, None, 100).await.unwrap();
    let names: Vec<_> = page.records.iter().map(|record| record.settlement.payment_id.as_str()).collect();
    assert_eq!(names, ["claimed", "approved", "signed", "broadcast", "same-number", "numberless"]);
    assert!(page.records.iter().all(|record| record.owner == nobody && !record.sealed));
    assert_eq!(page.records[2].signed, Some(bytes("0xsigned", 7)));

    for state in [State::Confirmed, State::Failed, State::Expired] {
        let record = journal.get(&state.as_str().parse().unwrap()).await.unwrap().unwrap();
        assert!(record.sealed && record.state == state);
        assert_eq!(record.outcome.map(|outcome| outcome.state()), Some(state));
        assert_eq!(record.settlement.payer, "0xpayer");
    }

    // Numbers of what may still land are taken, those of what has ended are not.
    let view = journal.lane(&lane(), 0).await.unwrap();
    let slot = |sequence, payment: &str| Slot {
        sequence,
        payment: Some(payment.parse().unwrap()),
        filler: None,
        owner: nobody,
    };
    assert_eq!((view.next, view.slots), (Some(10), vec![slot(7, "signed"), slot(9, "broadcast")]));

    // Nobody's lease is told as ended, until all of its records are taken over.
    let own = journal.begin_lease("new").await.unwrap();
    let leases = journal.leases().await.unwrap();
    let told: Vec<_> = leases.iter().map(|lease| (lease.owner, lease.liveness)).collect();
    assert_eq!(told, [(nobody, Liveness::Ended), (own, Liveness::Running)]);
    for record in page.records {
        let id = record.settlement.payment_id;
        assert!(journal.take_over(&id, nobody, own).await.unwrap().is_some());
    }
    let owners: Vec<_> = journal.leases().await.unwrap().iter().map(|lease| lease.owner).collect();
    assert_eq!(owners, [own]);
    let id: PaymentId = "signed".parse().unwrap();
    journal.broadcast(own, &id).await.unwrap();
    journal.replaced(own, &id, bytes("0xhigher", 7)).await.unwrap();
    journal.finish(own, &id, failed()).await.unwrap();
    journal.seal(own, &id).await.unwrap();
}

#[tokio::test]
async fn an_old_file_is_brought_up_to_date_once_by_several_who_open_it() {
    let (_directory, path) = directory();
    old_journal(&path);
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    for journal in &opened {
        assert_eq!(journal.unsealed(Owner::from_number(0), None, 100).await.unwrap().records.len(), 6);
        assert_eq!(journal.lane(&lane(), 0).await.unwrap().slots.len(), 2);
    }
}
