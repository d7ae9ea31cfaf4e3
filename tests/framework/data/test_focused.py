from framework.data.focused import Focused
from framework.lab.world import World

SOURCE = Focused(of=World(level="order", count=40), share=0.3)


def test_the_target_frame_shows_the_target_and_lies_in_a_short_segment():
    for index in range(SOURCE.size()):
        task = SOURCE.task(index)
        assert task.focus
        assert task.focus.target in task.truth.boxes
        assert task.focus.target in task.segment.frames
        assert task.segment.start >= 0
        assert task.segment.end < task.video.length
        assert len(task.segment.frames) == 3  # of 12


def test_the_same_index_gives_the_same_task_and_another_seed_another_frame():
    assert SOURCE.task(3) == SOURCE.task(3)
    other = SOURCE.model_copy(update={"seed": 1})
    assert any(SOURCE.task(index) != other.task(index) for index in range(10))


def test_the_target_frame_need_not_lie_in_the_middle_of_its_segment():
    places = {task.focus.target - task.segment.start for task in map(SOURCE.task, range(40)) if task.focus}  # pyright: ignore[reportOptionalOperand]
    assert places == {0, 1, 2}
