/// What a task waits for.
#[derive(Clone, Copy, Debug)]
pub enum Waits {
    /// For nothing: it is ready.
    Ready,
    /// For another task, by its place in the list.
    Task(usize),
    /// For something that is no task.
    Outside(&'static str),
}

/// A task of the program that hangs.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub name: &'static str,
    pub waits: Waits,
}

/// Who waits for whom, a line each.
pub fn tree(tasks: &[Task]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, _) in tasks.iter().enumerate() {
        if !tasks.iter().any(|task| waits_for(task, place)) {
            draw(tasks, place, 0, &mut lines);
        }
    }
    lines
}

fn waits_for(task: &Task, place: usize) -> bool {
    matches!(task.waits, Waits::Task(other) if other == place)
}

fn draw(tasks: &[Task], place: usize, depth: usize, lines: &mut Vec<String>) {
    let Task { name, waits } = tasks[place];
    let indent = "  ".repeat(depth);
    match waits {
        Waits::Ready => lines.push(format!("{indent}{name} is ready")),
        Waits::Outside(what) => lines.push(format!("{indent}{name} waits for {what}")),
        Waits::Task(other) => {
            lines.push(format!("{indent}{name} waits for {}", tasks[other].name));
            draw(tasks, other, depth + 1, lines);
        }
    }
}
