# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Microstimulation
#
# **Claim.** Set the voxels of a functional region to a high value, decode again, and the picture changes in the way
# that the region's name promises: bodies and words appear, places become a mesh, faces multiply, driven by FFA and not
# by OFA {cite:p}`lin2022mindreader`.
#
# The paper shows single pictures. Here the **simulated subject**'s regions have a *planted* preference, the shift is
# measured over many trials, and as many randomly chosen voxels are stimulated beside each region.
#
# A caution that goes with every panel: on z-scored data a value of ten is far outside anything the mappers have seen,
# and setting a voxel to zero does not silence it but sets it to its session mean.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book or paper
subject: str = ""  # twin01 (simulated) or subj01 .. subj08 of your NSD, empty keeps the preset's choice
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example gan.kimg
value: float = 10.0  # what stimulated voxels are set to, in standard deviations (paper A.5)

# %%
from mindreader.companion import ch04_microstimulation as report, chapter, plots
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict, value=float)
run = chapter.start("04_microstimulation", preset, subject=subject, seed=seed, overrides=overrides, value=value)
report.region_sizes(run)

# %% [markdown]
# ## The panels
#
# The same noise $z$ everywhere, so that a change comes from the brain state alone.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-stimulation", "caption": "Decoded pictures after stimulation of the category-selective regions (the paper's Fig. 10). The last column stimulates as many random voxels."}}
panels = report.stimulation_panels(run, value, n=6)
run.show(plots.picture_grid(panels, origin=run.origin), "panels")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-faces", "caption": "OFA, FFA-1 and FFA-2 alone, and silencing by level of the visual hierarchy (the paper's Fig. 11)."}}
run.show(plots.picture_grid(report.face_and_level_panels(run, value, n=6), origin=run.origin), "faces_and_levels")

# %% [markdown]
# ## Does the region do what its name says?
#
# A picture may suggest much; the mapped embedding can be measured: how much nearer does stimulation bring it to the
# sentence that names the region's category? The control stimulates as many random voxels outside the region.

# %%
table = report.stimulation_effect(run, value)
run.table(table, "effect")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-effect", "caption": "Change of the cosine between mapped embedding and the region's category prompt, mean over pictures with a 95 % interval. Grey: random voxels, as many."}}
run.show(plots.scores_with_controls(table, origin=run.origin, xlabel="change of cosine with the category's sentence",
                                    title="Regions against random voxels", chance=0.0), "effect")

# %% [markdown]
# ## Dose and response

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dose", "caption": "The same change against the value that the voxels are set to; negative values suppress. Bands: 95 % intervals over pictures."}}
dose = report.dose_response(run)
run.show(plots.curves(dose, x="dose", y="value", hue="region", origin=run.origin, xlabel="voxels set to (standard deviations)",
                      ylabel="change of cosine", title="The effect grows with the dose", chance=0.0), "dose", data=dose)

# %% tags=["remove-output"]
run.record(report.stimulation_summary(run, table))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 04_microstimulation
# :name: tab-stimulation
# :caption: Shift towards the region's category, minus that of random voxels. The paper gives no numbers.
# ```
#
# **Reading** ({numref}`tab-stimulation`). The region's own shift exceeds that of random voxels by
# {ours}`04_microstimulation:faces` for faces, {ours}`04_microstimulation:bodies` for bodies,
# {ours}`04_microstimulation:places` for places and {ours}`04_microstimulation:words` for words
# ({numref}`fig-effect`). Where the interval in the table includes zero, the pictures of {numref}`fig-stimulation`
# and {numref}`fig-faces` prove nothing, however suggestive they look.
