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
# # Encoding, and the cycle
#
# **Claim.** The way back works too: a network predicts each voxel's response from CLIP's embedding of the picture, and
# a picture can go through encoder, mapper and generator and still be recognised {cite:p}`lin2022mindreader`.
#
# All of it is a **simulated subject** unless you pass `subject="subj01"`.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book or paper
subject: str = ""  # twin01 (simulated) or subj01 .. subj08 of your NSD, empty keeps the preset's choice
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example encoder.epochs

# %%
from mindreader.companion import ch06_encoding_cycle as report, chapter, plots
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("06_encoding_cycle", preset, subject=subject, seed=seed, overrides=overrides)
"(n_dims, n_voxels) =", (run.clip.n_dims, run.subject.n_voxels)

# %% [markdown]
# ## Predicted against measured
#
# Each dot is a voxel: the correlation of predicted and measured single-trial responses over validation trials, against
# the highest that noise allows, $\sqrt{\mathrm{NC}}$ with
#
# ```{math}
# :label: eq-ceiling
# \mathrm{NC}(n) = \frac{\mathrm{ncsnr}^2}{\mathrm{ncsnr}^2 + 1/n}, \qquad n = 1 .
# ```

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-encoding", "caption": "Encoding accuracy against the single-trial noise ceiling of {eq}`eq-ceiling` (the paper's Fig. 16)."}}
voxels = report.encoding_accuracy(run)
run.show(plots.scatter(voxels.ceiling.to_numpy(), voxels.r.to_numpy(), groups=voxels.stream.to_numpy(), origin=run.origin,
                       xlabel="noise ceiling (r)", ylabel="encoding accuracy (r)",
                       title="The encoder stays below the ceiling"), "encoding", data=voxels)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-slices", "caption": "Encoding accuracy in the volume, three axial slices."}}
run.show(plots.volume_slices(run.subject.coords, voxels.r.to_numpy(), origin=run.origin, label="r",
                             title="Where CLIP predicts activity"), "slices")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lines", "caption": "Measured and predicted responses of the first voxels, for two validation trials."}}
measured, predicted = report.encoding_examples(run, n=2, n_voxels=300)
run.show(plots.two_lines(measured, predicted, ("measured", "predicted"), origin=run.origin, xlabel="voxel",
                         ylabel="z", title="Two trials"), "lines")

# %% [markdown]
# ## There and back
#
# Picture → CLIP → encoder → synthetic activity → mappers → generator → picture. No brain is involved: what survives is
# what the encoder and the mappers have in common.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-cycle", "caption": "Pictures after the cycle (the paper's Fig. 17), beside those from measured activity."}}
run.show(plots.picture_grid(report.cycle_pictures(run, n=8), origin=run.origin), "cycle")

# %%
table = report.cycle_identification(run)
run.table(table, "cycle_identification")

# %% tags=["remove-output"]
run.record(report.encoding_summary(run, voxels, table))

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 06_encoding_cycle
# :name: tab-encoding
# :caption: Encoding and cycle. The paper shows figures and gives no numbers.
# ```
#
# **Reading** ({numref}`tab-encoding`). The median voxel of {numref}`fig-encoding` is predicted at r =
# {ours}`06_encoding_cycle:median_r`, where noise allows {ours}`06_encoding_cycle:median_ceiling`; with pictures
# shuffled, {ours}`06_encoding_cycle:median_r_shuffled`. After the full cycle ({numref}`fig-cycle`) a picture still
# wins {ours}`06_encoding_cycle:cycle_two_way` of its two-way comparisons, more than from a measured trial
# ({ours}`06_encoding_cycle:brain_two_way`): synthetic activity has no noise.
