//! What strace has written down: which system calls there were, a line each.

/// How many calls came to their end. One that a signal interrupted (we stop a server by signals) is
/// made again, by the kernel or by the program: it counts then, and not before. And one that another
/// thread got in the way of is told in two lines, of which the second says how it ended.
pub(crate) fn calls_in(lines: &str) -> u64 {
    let begun = lines.lines().filter(|line| line.contains('(') && !is_an_end(line));
    let again = lines.lines().filter(|line| is_made_again(line));
    begun.count().saturating_sub(again.count()) as u64
}

/// The second line of two.
fn is_an_end(line: &str) -> bool {
    line.contains(" resumed>")
}

fn is_made_again(line: &str) -> bool {
    line.contains(" = ? ERESTART") || line.contains(" = -1 EINTR ")
}
