//! In which order operations are carried out.

/// The operations in steps: what an operation refers to is in an earlier step, or in the same one where they refer to
/// each other in a circle (RFC 7644 3.7.1). Otherwise the order is that of the request: an operation is brought forward
/// only where an earlier one refers to it, since the result of two operations on one resource depends on their order,
/// while a resource that is created earlier than asked changes nothing for others.
///
/// `references` has for each operation the operations it refers to, which are creations. These are the strongly
/// connected components of that graph in Tarjan's order (SIAM J. Comput. 1, 1972), without recursion: a thousand
/// operations may form one chain.
pub(super) fn steps(references: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        nodes: vec![Node::default(); references.len()],
        references,
        visited: 0,
        open: Vec::new(),
        steps: Vec::new(),
    };
    for start in 0..references.len() {
        search.from(start);
    }
    search.steps
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// When it was visited, from 1; 0: not yet.
    number: usize,
    /// The smallest number that is known to be reached from it among what is open.
    lowest: usize,
    open: bool,
}

struct Search<'r> {
    references: &'r [Vec<usize>],
    nodes: Vec<Node>,
    visited: usize,
    /// Visited, and not yet in a step.
    open: Vec<usize>,
    steps: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn from(&mut self, start: usize) {
        // The way from the start, with how many references of each were followed.
        let mut way: Vec<(usize, usize)> = Vec::new();
        if self.number(start) == 0 {
            self.enter(start);
            way.push((start, 0));
        }
        while let Some((at, followed)) = way.last_mut() {
            let (at, next) = (*at, self.references.get(*at).and_then(|to| to.get(*followed)).copied());
            *followed += 1;
            match next {
                Some(to) if self.number(to) == 0 => {
                    self.enter(to);
                    way.push((to, 0));
                }
                Some(to) => {
                    let reached = self.nodes.get(to).filter(|node| node.open).map(|node| node.number);
                    self.reach(at, reached);
                }
                None => {
                    way.pop();
                    let lowest = self.nodes.get(at).map(|node| node.lowest);
                    if let Some((before, _)) = way.last() {
                        self.reach(*before, lowest);
                    }
                    if lowest == Some(self.number(at)) {
                        self.close(at);
                    }
                }
            }
        }
    }

    fn number(&self, of: usize) -> usize {
        self.nodes.get(of).map_or(usize::MAX, |node| node.number)
    }

    fn enter(&mut self, index: usize) {
        self.visited += 1;
        if let Some(node) = self.nodes.get_mut(index) {
            *node = Node { number: self.visited, lowest: self.visited, open: true };
            self.open.push(index);
        }
    }

    fn reach(&mut self, from: usize, number: Option<usize>) {
        if let (Some(node), Some(number)) = (self.nodes.get_mut(from), number) {
            node.lowest = node.lowest.min(number);
        }
    }

    /// All that was opened since `root` refers to each other.
    fn close(&mut self, root: usize) {
        let mut step = Vec::new();
        while let Some(index) = self.open.pop() {
            if let Some(node) = self.nodes.get_mut(index) {
                node.open = false;
            }
            step.push(index);
            if index == root {
                break;
            }
        }
        step.sort_unstable();
        self.steps.push(step);
    }
}
