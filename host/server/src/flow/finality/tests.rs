use super::*;

fn network() -> Caip2 {
    "eip155:84532".parse().unwrap()
}

fn id(name: &str) -> PaymentId {
    name.parse().unwrap()
}

fn watched() -> Watched {
    Watched { payment_id: id("p"), owner: Owner::from_number(1), passed_at: None, look_at: 0, misses: 0 }
}

#[test]
fn a_settlement_is_watched_over_once_and_for_its_present_owner() {
    let finality = Finality::default();
    let (old, new) = (Owner::from_number(1), Owner::from_number(2));
    finality.watch(&network(), &id("p"), old);
    let taken = finality.take_due(&network(), 0);
    assert!(finality.is_empty(&network()));
    finality.watch(&network(), &id("p"), new);
    finality.put(&network(), taken);
    let due = finality.take_due(&network(), 0);
    assert_eq!(due.iter().map(|one| one.owner).collect::<Vec<_>>(), [new]);
    finality.watch(&network(), &id("p"), old);
    finality.watch(&network(), &id("p"), new);
    let due = finality.take_due(&network(), 0);
    assert_eq!(due.iter().map(|one| one.owner).collect::<Vec<_>>(), [new]);
}

#[test]
fn what_is_due_is_given_out_in_parts_and_the_rest_waits_for_its_block() {
    let finality = Finality::default();
    let due = |number: usize| Watched { payment_id: id(&number.to_string()), ..watched() };
    finality.put(&network(), (0..=MAX_STANDING).map(due).collect());
    finality.put(&network(), vec![Watched { payment_id: id("later"), look_at: 8, ..watched() }]);
    assert!(finality.take_due(&"eip155:1".parse().unwrap(), 9).is_empty(), "another network");
    assert_eq!(finality.take_due(&network(), 7).len(), MAX_STANDING);
    assert_eq!(finality.take_due(&network(), 7).len(), 1);
    assert!(finality.take_due(&network(), 7).is_empty());
    assert_eq!(finality.take_due(&network(), 8).len(), 1);
    assert!(finality.is_empty(&network()));
}

#[test]
fn beyond_its_room_nothing_is_watched_over() {
    let finality = Finality::default();
    let one = |number: usize| Watched { payment_id: id(&number.to_string()), ..watched() };
    finality.put(&network(), (0..=MAX_WATCHED).map(one).collect());
    assert_eq!(finality.watched().get(&network()).unwrap().len(), MAX_WATCHED);
}
