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
# # The subject, and what was planted
#
# **Claim.** The brain of these pages can be trusted as an instrument. It is a **simulated subject**, stored in the
# layout of the Natural Scenes Dataset {cite:p}`allen2022nsd` and read by the same code as a real one
# ({doc}`../data`). Its stimuli, its tuning and its noise were planted. If the field's own procedures recover this plant,
# then a result on the following pages can be interpreted: as found, or as missed.
#
# With `subject="subj01"` and a copy of NSD, the panels that need no plant show the real brain; the others say that
# they are left out.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book, paper or shared1000
subject: str = ""  # twin01 (simulated) or your NSD's subj01 .. subj08, empty keeps the preset's
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example twin.n_voxels

# %%
from mindreader.companion import ch00_subject as report, chapter, plots
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("00_subject", preset, subject=subject, seed=seed, overrides=overrides)
print(run.opening(pictures=len(run.subject.stimuli.ids), trials=len(run.subject.trials),
                  voxels=run.subject.n_voxels))

# %% [markdown]
# ## What was seen
#
# One to four things of COCO's classes {cite:p}`lin2014coco` on a ground of COCO-Stuff's
# {cite:p}`caesar2018cocostuff`. The picture, the masks and the five captions are three renderings of one scene.
# Captions were written in hidden grades: two specific ones, a partial, a vague one, and one off the subject.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-scenes", "caption": "Pictures, their masks from COCO's files (things in bold), and their captions, coloured by the planted grade."}}
images, outlines, captions = report.annotated_scenes(run, n=4)
run.show(plots.annotated_scenes(images, outlines, captions, origin=run.origin), "scenes",
         data=captions)

# %% [markdown]
# ## The brain that saw it
#
# Two shells with the visual system laid out on them: V1 to hV4 around the occipital poles, and beyond them the
# ventral, lateral and parietal streams with the regions of the localiser. Early voxels pool edges, light and colour
# within a receptive field; later ones respond to what a scene contains. None of it is computed from CLIP.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-region-slices", "caption": "Three axial slices of the volume, with the regions that NSD's label volumes name."}}
brain, regions = report.brain_map(run)
run.show(plots.region_slices(run.subject.coords, brain.family.to_numpy(), origin=run.origin,
                             title="A cortex with NSD's regions"), "slices")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-flat", "caption": "The same cortex on a flat map around the occipital poles (equal-area projection). Above: regions, named in one hemisphere; below: noise-ceiling signal-to-noise ratio, as NSD's procedure finds it in the betas."}}
run.show(plots.flat_maps(brain, regions, origin=run.origin, title="The cortex, laid flat"), "flat",
         data=brain)

# %% [markdown]
# ## A picture comes back
#
# Most pictures were shown three times, within a session or weeks apart. How similar are the responses? Each trial is
# mostly noise, part of it shared by all voxels, as in NSD; what repeats is the picture.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reliability", "caption": "Left: correlation over voxels between trials of eight pictures; frames hold the trials of one picture. Right: over all pictures with repeats, the mean correlation of its trials, and that with trials of other pictures."}}
repeated = report.repeat_reliability(run)
run.show(plots.repeats(report.repeat_matrix(run), repeated, origin=run.origin,
                       title="Trials of one picture resemble each other"), "repeats", data=repeated)

# %% [markdown]
# ```{verdicts} 00_subject
# ```
#
# ## What a session adds
#
# Each session shifts every voxel's baseline and scales its gain. Betas are therefore z-scored for each voxel
# within each session, here as in the paper.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sessions", "caption": "Mean beta of some voxels in each session, minus the voxel's mean over sessions: as stored, after z-scoring within session, and, on the right, as stored against the offset that was planted."}}
drift = report.session_drift(run)
run.show(plots.sessions(drift, origin=run.origin, title="Sessions differ until they are z-scored"),
         "sessions", data=drift)

# %% [markdown]
# ## Is the plant found again?
#
# **The noise ceiling.** NSD estimates each voxel's signal-to-noise ratio from the spread of repeats. The files hold
# that estimate; the plant holds the truth.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ceiling", "caption": "Each voxel's true noise-ceiling signal-to-noise ratio, and the one that NSD's procedure finds."}}
ceilings = report.noise_ceilings(run)
run.show(plots.scatter(ceilings.planted.to_numpy(), ceilings.found.to_numpy(), origin=run.origin,
                       xlabel="planted ncsnr",
                       ylabel="found ncsnr", title="The noise ceiling is found"), "ceiling",
         data=ceilings) if len(ceilings) else report.NO_PLANT

# %% [markdown]
# **Regions.** A contrast on the betas of the main experiment: pictures that show close-up faces, whole bodies, places
# with hardly a thing, or letters, against all other pictures. Every localiser region should respond to its own.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-contrasts", "caption": "Welch's t, median over the voxels of a region that have signal and are valid in every session (their number in brackets), repeats averaged first; n counts the pictures that show the category. Framed: the region's own contrast."}}
contrasts = report.region_contrasts(run)
run.show(plots.contrasts(contrasts, bar=report.CONTRAST, origin=run.origin,
                         title="Each region answers to its own category"), "contrasts",
         data=contrasts) if len(contrasts) else report.NO_PLANT

# %% [markdown]
# **Receptive fields.** Where in the picture is a voxel's receptive field? Its responses are regressed on the edge energy
# of 8 × 8 squares; the centre of the weights is the estimate. One voxel is noisy, so this is the roughest recovery of the
# chapter.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-fields", "caption": "Centres of receptive fields in the visual areas, planted and found; the picture spans -1 to 1. Noise biases estimates towards the middle."}}
fields = report.receptive_fields(run)
run.show(plots.scatter(fields.planted.to_numpy(), fields.found.to_numpy(),
                       groups=fields.axis.to_numpy(), origin=run.origin, xlabel="planted centre",
                       ylabel="found centre", diagonal=False,
                       title="Early voxels look where they should"), "fields",
         data=fields) if len(fields) else report.NO_PLANT

# %% [markdown]
# **What CLIP knows.** The small CLIP of these pages never saw the subject's pictures. Does it know what is in them?
# Its cosine with "a photo of a dog" should separate pictures with a dog from those without; and a specific caption
# should retrieve its picture among 300.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-known", "caption": "Zero-shot ROC AUC of each class on the subject's pictures, with 95 % intervals from resampling pictures."}}
known = report.clip_categories(run)
run.show(plots.dots(known, hue="input", origin=run.origin, chance=0.5,
                    xlabel="ROC AUC, pictures with the class against those without",
                    title="CLIP knows what is in the picture"), "zero_shot", data=known)

# %% [markdown]
# **What can be decoded.** From brain to picture must be possible, but hard. Ridge regression predicts the true factors
# of a scene from one trial, trained on other pictures. The floor is the same with the factors of shuffled pictures; the
# limit is the same with noiseless responses.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-factors", "caption": "Correlation of a linear decoder's prediction with the true factor, with 95 % intervals from resampling pictures: light, layout, setting and the most frequent classes. The table behind the figure has all."}}
factors = report.factors_to_show(run)
run.show(plots.dots(factors, hue="input", origin=run.origin,
                    xlabel="correlation with the true factor",
                    title="Single trials lie between the limits"), "factors",
         data=report.factor_scores(run)) if len(factors) else report.NO_PLANT

# %% [markdown]
# **What was attended.** On each trial one thing of the scene was attended and its response enhanced, so repeats of a
# picture carry different things. Decoders trained only on what pictures *show* should identify it. A thing that is
# always stronger must not count: evidence is centred over the picture's repeats, and chance comes from permuting them.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attended", "caption": "Pictures that were shown three times. Lit: the thing that was attended on that trial; below: the thing that was decoded from its activity, in red where it was another."}}
attention = report.attended_pictures(run, n=3)
run.show(plots.attended(attention, origin=run.origin,
                        title="Repeats of a picture carry different things"),
         "attended", data=attention.drop(columns="picture")) if len(attention) else report.NO_PLANT

# %% [markdown]
# ## The bars
#
# What was planted, what was found, and the bar that was set in advance. Grades of captions are the subject
# of the next chapter ({doc}`01_screening`); their row stands here to have all of them in one place.

# %%
run.table(report.recovery_table(run), "recovery")

# %% tags=["remove-output"]
run.record(report.subject_summary(run))

# %% [markdown]
# ## In numbers
#
# ```{scorecard} 00_subject
# :name: tab-subject
# :caption: The simulated subject against its plant. The paper has no such numbers: a person has no plant.
# ```
#
# **Reading** ({numref}`tab-subject`). {ours}`00_subject:bars_held` of {ours}`00_subject:bars` bars are cleared. True
# and estimated noise ceilings correlate with r = {ours}`00_subject:ceiling_r` ({numref}`fig-ceiling`). Even the
# weakest localiser region responds to its own category with t = {ours}`00_subject:contrast_weakest`
# ({numref}`fig-contrasts`). Two trials of a picture correlate with r = {ours}`00_subject:repeat_same`, trials of
# different pictures with r = {ours}`00_subject:repeat_other` ({numref}`fig-reliability`). Sessions account for
# {ours}`00_subject:drift_before` of a voxel's variance before z-scoring and {ours}`00_subject:drift_after` after it
# ({numref}`fig-sessions`).
#
# CLIP, which was not trained on these pictures, tells their classes apart with a mean AUC of
# {ours}`00_subject:clip_category_auc` ({numref}`fig-known`), and finds the picture of a specific caption in
# {ours}`00_subject:clip_caption_to_picture` of the cases, the caption of a picture in
# {ours}`00_subject:clip_picture_to_caption`; on held-out scenes of its training distribution the model card says
# {ours}`00_subject:card_top1_pictures` and {ours}`00_subject:card_top1_captions` ({doc}`../models`).
#
# From a single trial a scene's factors are decoded with a mean r of {ours}`00_subject:factors_single`: far above
# {ours}`00_subject:factors_shuffled` for shuffled pictures, and far below {ours}`00_subject:factors_noiseless` without
# noise ({numref}`fig-factors`). So whatever the following chapters miss, they miss because of noise or method, not
# because it is not there. Which thing was attended is decoded on {ours}`00_subject:attended` of the trials whose
# pictures carried several (by permuting trials p = {ours}`00_subject:attended_p`; {numref}`fig-attended`): two
# decodings of one picture that differ ({doc}`03_gan`) need not be a failure.
#
# What this cannot tell: whether people's brains are like that. The noise is made to NSD's measure, but its shape is a
# guess, and a real voxel's tuning has more sides than were planted here.
