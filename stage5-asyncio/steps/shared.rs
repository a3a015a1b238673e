//! Two tasks that share an account: without a lock, and with one.
//!
//! ```console
//! $ cargo run -q --example stage5-shared
//! ```

#![expect(clippy::print_stdout, reason = "a program prints")]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use stage5_asyncio::locks::Lock;
use stage5_asyncio::run;
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;

/// What two tasks have in common.
struct Account {
    balance: Cell<u32>,
    lock: Lock,
}

fn main() -> io::Result<()> {
    run(async {
        let account = Account::with(100);
        let got =
            gather([withdraw(account.clone(), 70), withdraw(account.clone(), 70)]).await;
        println!("without a lock: {got:?}, and {} left", account.balance.get());

        let account = Account::with(100);
        let got = gather([alone(account.clone(), 70), alone(account.clone(), 70)]).await;
        println!("with a lock:    {got:?}, and {} left", account.balance.get());
    })
}

/// Says whether there was enough.
async fn withdraw(account: Rc<Account>, amount: u32) -> bool {
    let balance = account.balance.get();
    if balance < amount {
        return false;
    }
    sleep(Duration::from_millis(1)).await; // a bank takes its time
    account.balance.set(balance - amount);
    true
}

/// The same, one at a time.
async fn alone(account: Rc<Account>, amount: u32) -> bool {
    let _guard = account.lock.acquire().await;
    withdraw(Rc::clone(&account), amount).await
}

impl Account {
    fn with(balance: u32) -> Rc<Self> {
        Rc::new(Self { balance: Cell::new(balance), lock: Lock::new() })
    }
}
