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
    let circles: Vec<_> = (0..tasks.len()).filter_map(|place| circle(tasks, place)).collect();
    let mut lines = Vec::new();
    for (place, _) in tasks.iter().enumerate() {
        if !tasks.iter().any(|task| waits_for(task, place)) {
            draw(tasks, place, 0, &circles, &mut lines);
        }
    }
    // Each is found from each of its tasks; the first in the list tells of it.
    for circle in circles.iter().filter(|circle| circle.iter().min() == circle.first()) {
        let names: Vec<_> = circle.iter().map(|place| tasks[*place].name).collect();
        lines.push(format!("a circle: {} → {}", names.join(" → "), names[0]));
    }
    lines
}

/// The circle that the task is a part of, beginning with it.
fn circle(tasks: &[Task], place: usize) -> Option<Vec<usize>> {
    let mut circle = vec![place];
    // Whoever has not come back after as many steps as there are tasks never does.
    for _ in tasks {
        match tasks[*circle.last()?].waits {
            Waits::Task(next) if next == place => return Some(circle),
            Waits::Task(next) => circle.push(next),
            _ => return None,
        }
    }
    None
}

fn waits_for(task: &Task, place: usize) -> bool {
    matches!(task.waits, Waits::Task(other) if other == place)
}

fn draw(
    tasks: &[Task],
    place: usize,
    depth: usize,
    circles: &[Vec<usize>],
    lines: &mut Vec<String>,
) {
    let Task { name, waits } = tasks[place];
    let indent = "  ".repeat(depth);
    if lines.iter().any(|line| line.trim().starts_with(&format!("{name} "))) {
        return;
    }
    match waits {
        Waits::Ready => lines.push(format!("{indent}{name} is ready")),
        Waits::Outside(what) => lines.push(format!("{indent}{name} waits for {what}")),
        Waits::Task(other) if circles.iter().any(|circle| circle[0] == other) => {
            lines.push(format!("{indent}{name} waits for {}, in a circle", tasks[other].name));
        }
        Waits::Task(other) => {
            lines.push(format!("{indent}{name} waits for {}", tasks[other].name));
            draw(tasks, other, depth + 1, circles, lines);
        }
    }
}
