"""VTS-CoT, VideoSEG-O3's demonstrations of looking in turns: released ones read, our own written in the same form.

released json ─┐
lab, endpoint ─┼─▶ Trajectory ─▶ faults ─▶ vts_cot.json, conversations.jsonl (what a cold start imitates)
RL episodes ───┘
"""
