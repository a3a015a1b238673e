//! What Stackless's tasklets and channels do, in which order. Stackless itself is no longer to
//! be had; the orders are those of its published scheduler, run over the real greenlet.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::rc::Rc;

use common::{Finally, Log, in_time};
use interlude_greenlets::extras::channel::{Channel, Closed, Preference};
use interlude_greenlets::extras::tasklet::{
    NoneRunnable, Tasklet, run, run_count, schedule,
};
use interlude_greenlets::{Failure, GreenletExit};

/// A tasklet that says its letter and a number, as often as that.
fn counts(log: &Log, letter: char, times: usize) -> Tasklet {
    let log = log.clone();
    Tasklet::new(move || {
        for n in 0..times {
            log.say(format_args!("{letter}{n}"));
            schedule()?;
        }
        Ok(())
    })
}

/// M2.43
#[test]
fn tasklets_take_turns_and_so_does_whoever_schedules() {
    let log = Log::default();
    let tasklets = ['a', 'b'].map(|letter| counts(&log, letter, 2));
    assert_eq!(run_count(), 2);
    schedule().unwrap();
    log.say("main");
    run().unwrap();
    assert_eq!(log.take(), ["a0", "b0", "main", "a1", "b1"]);
    assert!(tasklets.iter().all(|it| !it.is_alive() && !it.is_scheduled()));
}

/// What two that receive and two that send say, all twice.
fn meetings(preference: Preference) -> String {
    let (log, channel) = (Log::default(), Rc::new(Channel::new(preference)));
    let receive = |name: char| {
        let (log, channel) = (log.clone(), Rc::clone(&channel));
        Tasklet::new(move || {
            for _ in 0..2 {
                log.say(format_args!("r{name}?"));
                let value: String = channel.receive()?;
                log.say(format_args!("r{name}={value}"));
            }
            Ok(())
        })
    };
    let send = |name: char| {
        let (log, channel) = (log.clone(), Rc::clone(&channel));
        Tasklet::new(move || {
            for n in 0..2 {
                log.say(format_args!("s{name}{n}"));
                channel.send(format!("{name}{n}"))?;
                log.say(format_args!("S{name}{n}"));
            }
            Ok(())
        })
    };
    let (_x, _a, _y, _b) = (receive('x'), send('a'), receive('y'), send('b'));
    run().unwrap();
    assert_eq!(channel.balance(), 0);
    log.take().join(" ")
}

/// M2.44
#[test]
fn a_channel_prefers_the_receiver_unless_it_is_told_otherwise() {
    assert_eq!(
        meetings(Preference::default()),
        "rx? sa0 rx=a0 rx? ry? sb0 rx=b0 Sa0 sa1 ry=a1 ry? Sb0 sb1 ry=b1 Sa1 Sb1"
    );
    assert_eq!(
        meetings(Preference::Neither),
        "rx? sa0 Sa0 sa1 ry? ry=a1 ry? sb0 Sb0 sb1 rx=a0 rx? rx=b1 Sa1 ry=b0 Sb1"
    );
    assert_eq!(
        meetings(Preference::Sender),
        "rx? sa0 Sa0 sa1 ry? Sa1 sb0 rx=a0 rx? Sb0 sb1 ry=a1 ry? Sb1 rx=b0 ry=b1"
    );
}

/// M2.45
#[test]
fn the_balance_says_how_many_wait_and_on_which_side() {
    let channel = Rc::new(Channel::default());
    for n in 1..=2 {
        let channel = Rc::clone(&channel);
        Tasklet::new(move || channel.send(n));
    }
    schedule().unwrap();
    assert_eq!(channel.balance(), 2);
    assert_eq!((channel.receive().unwrap(), channel.receive().unwrap()), (1, 2));
    assert_eq!(channel.balance(), 0);
    let theirs = Rc::clone(&channel);
    let receiver = Tasklet::new(move || theirs.receive().map(drop));
    run().unwrap();
    assert_eq!(channel.balance(), -1);
    receiver.kill().unwrap();
    assert_eq!((channel.balance(), receiver.is_alive()), (0, false));
    let failure = channel.receive().unwrap_err();
    assert!(failure.is::<NoneRunnable>(), "{failure}");
    assert_eq!(channel.balance(), 0);
}

/// M2.46
#[test]
fn a_closed_channel_serves_those_who_wait_and_nobody_else() {
    let channel = Rc::new(Channel::default());
    let theirs = Rc::clone(&channel);
    Tasklet::new(move || theirs.send('x'));
    run().unwrap();
    channel.close();
    assert!(!channel.is_closed());
    assert_eq!(channel.receive().unwrap(), 'x');
    assert!(channel.is_closed());
    assert!(channel.receive().unwrap_err().is::<Closed>());
    assert!(channel.send('y').unwrap_err().is::<Closed>());
    channel.open();
    assert!(!channel.is_closed());
    run().unwrap();
}

/// M2.47
#[test]
fn what_a_tasklet_fails_with_comes_out_of_run_and_the_others_stay_runnable() {
    let log = Log::default();
    Tasklet::new(|| Err(Closed.into()));
    counts(&log, 'a', 1);
    Tasklet::new(|| panic!("a tasklet panics"));
    assert!(run().unwrap_err().is::<Closed>());
    assert!(run().unwrap_err().to_string().contains("a tasklet panics"));
    run().unwrap();
    assert_eq!(log.take(), ["a0"]);
}

/// M2.48
#[test]
fn a_killed_tasklet_is_unwound_and_whoever_killed_it_goes_on() {
    let log = Log::default();
    let (said, theirs) = (log.clone(), log.clone());
    let victim = Tasklet::new(move || {
        let _cleanup = Finally(|| said.say("cleaned"));
        loop {
            schedule()?;
        }
    });
    let never = counts(&log, 'n', 1);
    let victims = (victim.clone(), never.clone());
    Tasklet::new(move || {
        victims.0.kill()?;
        victims.1.kill()?;
        theirs.say("killed");
        schedule()?;
        theirs.say("goes on");
        Ok(())
    });
    counts(&log, 'x', 1); // it is runnable all the time, and not before the killer
    never.remove();
    run().unwrap();
    assert_eq!(log.take(), ["cleaned", "killed", "x0", "goes on"]);
    assert!(!victim.is_alive() && !never.is_alive());
    Tasklet::new(|| Err(GreenletExit.into())); // it ends itself
    run().unwrap();
}

/// M2.48
#[test]
fn a_tasklet_that_is_removed_runs_when_it_is_inserted() {
    let log = Log::default();
    let removed = counts(&log, 'x', 1);
    removed.remove();
    run().unwrap();
    log.say("run");
    removed.insert();
    run().unwrap();
    assert_eq!(log.take(), ["run", "x0"]);
}

/// M2.48
#[test]
fn a_tasklet_knows_whether_it_is_alive_and_whether_its_turn_will_come() {
    let log = Log::default();
    let tasklet = counts(&log, 'x', 2);
    let other = counts(&log, 'y', 1);
    let states = |it: &Tasklet| (it.is_alive(), it.is_scheduled());
    assert_eq!([&tasklet, &other].map(states), [(true, true); 2]);
    tasklet.remove();
    assert_eq!([&tasklet, &other].map(states), [(true, false), (true, true)]);
    schedule().unwrap();
    tasklet.insert();
    tasklet.insert();
    assert_eq!(run_count(), 2, "once, and the other");
    run().unwrap();
    assert_eq!([&tasklet, &other].map(states), [(false, false); 2]);
    tasklet.insert();
    assert_eq!(run_count(), 0, "whoever is dead has no turn");
    assert_eq!(log.take(), ["y0", "x0", "x1"]);
}

/// A stack each, and none of them on another.
#[test]
fn thousands_of_tasklets_pass_a_value_on() {
    in_time(|| -> Result<(), Failure> {
        let first = Rc::new(Channel::default());
        let mut last = Rc::clone(&first);
        for _ in 0..5_000 {
            let (from, to) = (last, Rc::new(Channel::default()));
            last = Rc::clone(&to);
            Tasklet::new(move || to.send(from.receive()? + 1));
        }
        Tasklet::new(move || first.send(0));
        assert_eq!(last.receive()?, 5_000);
        Ok(())
    })
    .unwrap();
}
