//! The walk as a whole: order, determinism, horizon, state.

use super::*;
use proptest::prelude::*;

/// Writes all of a run, but its time and horizon, for comparison.
fn text(validation: &Validation) -> String {
    format!("{:#?}\n{:#?}", validation.trust_anchors, validation.points)
}

#[test]
fn two_runs_over_the_same_input_agree_and_parents_come_first() {
    let mut world = World::new();
    for (n, key_index) in (720..730).enumerate() {
        let ca = world.root.child(&format!("ca{n}"), key_index, Resources::Inherit);
        ca.publish(&mut world.source);
    }
    world.root.publish(&mut world.source);
    let (first_state, first) = world.run_from(&State::default(), NOW);
    let (second_state, second) = world.run_from(&State::default(), NOW);
    assert_eq!(text(&first.0), text(&second.0));
    assert_eq!(first_state, second_state);
    // A step over what did not change changes nothing.
    let (third_state, third) = world.run_from(&first_state, NOW);
    assert_eq!((text(&third.0), third_state), (text(&first.0), first_state));
    let mut seen = BTreeSet::new();
    let mut last = BTreeMap::new();
    for point in &first.0.points {
        assert!(point.parent.is_none_or(|parent| seen.contains(&parent)));
        assert!(last.insert(point.parent, point.id).is_none_or(|id| id < point.id));
        assert!(seen.insert(point.id));
    }
    assert_eq!(first.0.points.len(), 13);
}

#[test]
fn g29_trust_anchors_do_not_touch_each_other() {
    let world = World::new();
    let mut second = world.tal.clone();
    second.name = "second".to_owned();
    let mut third = world.tal.clone();
    third.name = "third".to_owned();
    let mut source = world.source.clone();
    source.trust_anchors.insert("third".to_owned(), source.trust_anchors["test"].clone());
    let tals = [second, third, world.tal];
    let run = step(&tals, &source, &State::default(), &Policy::default(), NOW).1;
    let status: Vec<_> = run.trust_anchors.iter().map(|anchor| anchor.status).collect();
    let valid = TrustAnchorStatus::Valid;
    assert_eq!(status, [TrustAnchorStatus::Missing, valid, valid]);
    let anchors: Vec<_> = run.points.iter().map(|point| point.trust_anchor).collect();
    assert_eq!(anchors, [1, 1, 1, 2, 2, 2]);
    let ids: BTreeSet<_> = run.points.iter().map(|point| point.id).collect();
    assert_eq!(ids.len(), 6);
}

#[test]
fn state_of_points_that_are_out_of_reach_stays_while_it_may_be_used() {
    let mut world = World::new();
    let (state, _) = world.run_from(&State::default(), NOW);
    assert_eq!(state.points.len(), 3);
    world.source.trust_anchors.clear();
    let (kept, _) = world.run_from(&state, NOW);
    assert_eq!(kept, state);
    let (gone, _) = world.run_from(&state, Timestamp(day().until.0 + 1));
    assert!(gone.points.is_empty());
}

/// A world in which something happens at many times.
fn eventful() -> (World, State) {
    let mut world = World::new();
    let (state, _) = world.run_from(&State::default(), NOW);
    world.isp.number = 2;
    world.isp.updates = TimeWindow::new(NOW.plus(hours(2)), NOW.plus(hours(30)));
    world.isp.publish(&mut world.source);
    world.customer.number = 2;
    world.customer.crl_updates = TimeWindow::new(NOW.minus(hours(3)), NOW.plus(hours(5)));
    world.customer.publish(&mut world.source);
    (world, state)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn inside_the_horizon_the_same_input_gives_the_same_result(at in -30i64..40, share in 0u8..=100) {
        static WORLD: LazyLock<(World, State)> = LazyLock::new(eventful);
        let (world, state) = &*WORLD;
        let now = Timestamp(NOW.0 + at * 3600);
        let (next, run) = world.run_from(state, now);
        let horizon = run.0.horizon;
        prop_assert!(horizon.contains(now));
        let from = horizon.from.max(NOW.minus(hours(50)));
        let until = horizon.until.min(NOW.plus(hours(50)));
        let later = Timestamp(from.0 + (until.0 - from.0) * i64::from(share) / 100);
        let (later_next, later_run) = world.run_from(state, later);
        prop_assert_eq!(text(&run.0), text(&later_run.0));
        if at >= -1 {
            prop_assert!(next.points.len() == later_next.points.len());
        }
    }
}
