# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What QUART claims of its tasks, and the rules by which our policy is judged."""

from __future__ import annotations

from neuro_control.cli.claims import Claim, Finding, Results, graded, numbers, part_of

_PAPER = "QUART, vision, language and action for quadrupeds (arXiv 2312.14457)"
_FILE = "quart/tasks.csv"
# Success of QUART by the published test, as third parties quote it.
_PUBLISHED = {
    "distinguish": 0.66, "go_to": 0.60, "avoid": 0.53, "tunnel": 0.41, "crawl": 0.32,
    "unload": 0.12,
}  # fmt: skip


def _task(task: str, published: float) -> Claim:
    """The claim of one task's rate of success."""

    def judge(results: Results) -> Finding:
        rows = results.rows(_FILE)
        policy = rows[0]["policy"]
        cell = {"task": task, "draw": "hard", "split": "seen"}
        ours, loose = (
            numbers(rows, column, policy=policy, **cell) for column in ("strict", "published")
        )
        others = {
            name: float(numbers(rows, "strict", policy=name, **cell).mean())
            for name in dict.fromkeys(row["policy"] for row in rows)
            if name not in (policy, "expert")
        }
        best = max(others, key=lambda name: others[name])
        return Finding(
            f"strict test: {part_of(ours.sum(), len(ours), 'episodes')}; published test "
            f"{loose.mean():.2f}",
            f"{best}, strict test: {others[best]:.2f}",
            graded(
                loose.mean() >= published and ours.mean() > others[best], loose.mean() >= published
            ),
        )

    return Claim(
        _PAPER,
        f"task {task}",
        f"{published:.2f} by the published test",
        "holds if the policy reaches the paper's rate by the published test and by the strict one "
        "is above every guide that lacks eyes or words; in part if it reaches the paper's rate.",
        "neuro-control experiment quart tasks",
        (_FILE,),
        judge,
    )


CLAIMS = tuple(_task(task, published) for task, published in _PUBLISHED.items())
