//! Has the files that are included here take their locks and atomics from loom.

fn main() {
    println!("cargo::rustc-cfg=loom");
}
