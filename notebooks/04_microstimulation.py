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
# by OFA. Set the voxels of a level of the hierarchy to zero, and early cortex takes colour away, the higher regions
# keep order, and the regions between them matter least {cite:p}`lin2022mindreader`.
#
# The paper shows single pictures. Here each of its sentences is a number with a null, and can fail:
#
# | question | answer |
# |---|---|
# | What would any voxels do? | random voxels beside each region: as many, alike in noise ceiling and response variance, many sets of them |
# | Is the state one that a brain could have? | the dose at which a state leaves the range of measured ones, in every figure |
# | Would another mapper say the same? | five fits of each mapper, stimulated once and committed as a record; one fit alone decides nothing |
# | Is it true? | the **simulated subject**'s regions have a *planted* preference, to be recovered |
#
# A caution that goes with every panel: on z-scored data a value of ten is far outside anything the mappers have seen,
# and setting a voxel to zero does not silence it but sets it to its session mean.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book, paper or shared1000
subject: str = ""  # twin01 (simulated) or your NSD's subj01 .. subj08, empty keeps the preset's
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example gan.kimg
value: float = 10.0  # what stimulated voxels are set to, in standard deviations (paper A.5)
region: str = ""  # one of your own beside the paper's: V1+V2, say, or the path of a NIfTI mask
n_fits: int = 0  # fits stimulated here, three for a verdict, 0 shows the record of five

# %%
from mindreader.companion import ch04_microstimulation as report, chapter, plots
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict, value=float,
                      region=str, n_fits=int)
run = chapter.start("04_microstimulation", preset, subject=subject, seed=seed, overrides=overrides,
                    value=value, region=region, n_fits=n_fits)
mine = [region] if region else []
found = report.Stimulations(run, value, region=region, n_fits=n_fits)
print(run.opening(trials=len(run.subject.trials), voxels=run.subject.n_voxels))
report.region_counts(run, *mine)

# %% [markdown]
# ## The panels
#
# The same trials, the same fit and the same noise $z$ everywhere, so that a change comes from the brain state alone. Below each name
# stands how far its states lie from the measured ones, in units of the limit that 99 % of the measured trials stay
# within (see *Dose and the measured range*).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-stimulation", "caption": "Pictures by both heads after stimulation of the category-selective regions (the paper's Fig. 10): the first trials of six validation pictures, not chosen. The last column stimulates random voxels that match the face regions."}}
run.show(plots.picture_grid(report.category_panels(run, value, n=6), origin=run.origin), "panels")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-faces", "caption": "OFA, FFA-1 and FFA-2 stimulated alone, and each level of the visual hierarchy set to its session mean (the paper's Fig. 11), by both heads, for the same trials."}}
run.show(plots.picture_grid(report.level_panels(run, value, n=6), origin=run.origin),
         "faces_and_levels")

# %% [markdown]
# The paper does not say by which of its generators these panels were made, so here is each head alone.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-regions-by-head", "caption": "The category-selective regions stimulated, by the generators with one head: image above, caption below."}}
columns, heads = report.each_head(run, report.category_panels, value)
run.show(plots.picture_grid(columns, origin=run.origin, row_labels=heads), "panels_by_head")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-levels-by-head", "caption": "Face regions and levels of the hierarchy, by the generators with one head: image above, caption below."}}
columns, heads = report.each_head(run, report.level_panels, value)
run.show(plots.picture_grid(columns, origin=run.origin, row_labels=heads),
         "faces_and_levels_by_head")

# %% [markdown]
# The paper invites other regions. The parameter `region` takes the name of any atlas label, several with + between
# them, or the path of a NIfTI mask on the subject's grid; it then stands in the figures below, too.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-region", "caption": "A region of the reader's choice (parameter region; V1 and V2 where none is given), stimulated and silenced, and a set of random voxels that matches it."}}
columns = report.region_panels(run, region or "V1+V2", value, n=4)
run.show(plots.picture_grid(columns, origin=run.origin, title=region or "V1+V2"), "region")

# %% [markdown]
# ## Does the region do what its name says?
#
# A picture may suggest much; the mapped embedding can be measured: how much nearer does stimulation bring it to the
# sentence that names the region's category? Random voxels, as many and alike in noise ceiling and response variance, say
# what the size of the stimulus alone does. Whatever stands beside random voxels from here on, but for the doses, is by
# the fits that this sentence names:

# %%
print(found.source)

# %%
table = found.table("effect")
run.table(table[["name", "value", "low", "high", "n", "control", "region", "p", "fits"]], "effect")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-effect", "caption": "Change of the cosine between mapped embedding and the sentence of the region's category: mean over pictures, 95 % intervals over pictures and fits. Grey: random voxels that match the region."}}
run.show(plots.scores_with_controls(table, origin=run.origin,
                                    xlabel="change of cosine with the category's sentence",
                                    title="Regions against random voxels that match them",
                                    chance=0.0, chance_label="no change"), "effect")

# %% [markdown]
# The region's own shift exceeds that of random voxels by {ours}`04_microstimulation:faces` for faces,
# {ours}`04_microstimulation:bodies` for bodies, {ours}`04_microstimulation:places` for places and
# {ours}`04_microstimulation:words` for words ({numref}`fig-effect`); random voxels alone shift it by
# {ours}`04_microstimulation:faces_random_voxels_shift`, {ours}`04_microstimulation:bodies_random_voxels_shift`,
# {ours}`04_microstimulation:places_random_voxels_shift` and {ours}`04_microstimulation:words_random_voxels_shift`. Where p
# over the sets of random voxels exceeds .05, the pictures of {numref}`fig-stimulation` prove nothing, however suggestive they look:
# an interval that leaves zero out says only that this region does something else than the mean of those sets, as many of them do.
#
# A specific region would move its own category's sentence and leave the others. {numref}`fig-moved` has all regions
# beside all sentences, early visual areas and the levels of the hierarchy among them. In this figure and the next, dots and
# intervals are means over all trials ({ours}`04_microstimulation:trials`, of pictures
# {ours}`04_microstimulation:trials_pictures`). Random sets are many, so each is measured on the first of these trials alone
# ({ours}`04_microstimulation:trials_random`, of pictures {ours}`04_microstimulation:trials_random_pictures`); the grey band, p and
# every verdict compare the region with them on these same trials. So a filled dot may lie within its band, and an open one
# outside.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-moved", "caption": "How much nearer each region, stimulated, brings the mapped embedding to each category's sentence (change of cosine, caption mapper), and how far it moves it (relative to its length), with 95 % intervals over pictures and fits. Grey: what 95 % of the sets of random voxels do that match the region. Filled: p ≤ .05 of these sets, not corrected."}}
moved = found.table("moved")
run.show(plots.beside_random_voxels(moved, origin=run.origin,
                                    title="Each region beside random voxels that match it"),
         "moved", data=moved)

# %% [markdown]
# ## The paper's sentences, one by one
#
# Bodies and words "appear" where a detector finds them: a logistic regression on features of the evaluation network, which no
# training here has seen, fitted to the training stimuli. How well it knows the stimuli, and pictures that the generator
# made from true embeddings, bounds what it can say of stimulated ones.

# %%
detectors = report.detector_table(run)
run.table(detectors[["name", "value", "low", "high", "chance", "n"]],
          "detectors") if len(detectors) else report.NO_DETECTORS

# %% [markdown]
# The other sentences are about the picture or the embedding:
#
# | sentence | measure |
# |---|---|
# | mesh-like backgrounds | periodicity of what lies outside the middle of the picture: the rise of its autocorrelation at a step |
# | many small repeated patterns | how many look-alikes a salient small part of the picture has in it |
# | dull or many colours | mean saturation; colourfulness |
# | sharp shapes; many shapes, crowded | steepness of the steepest edges; share of pixels on an edge |
# | same coordinates, whatever the picture | of the tenth of coordinates that move most on a trial, the share that does on another |
# | embedding lower or higher | share of coordinates that go down |
# | changes least | size of the embedding's shift; mean difference of the pictures |
#
# Each is set against random voxels, and judged by one rule.

# %% tags=["hide-input"]
print(report.RULE)

# %%
sentences = found.table("sentences")
run.table(sentences, "sentences")[["claim", "region", "state", "measure", "value", "low", "high",
                                   "chance", "p_holm", "fits", "verdict"]]

# %% [markdown]
# In the table *value* is the change that the region makes, on all trials, *chance* what random voxels do on average, on the
# first of them; p compares the two on the same trials. What a detector *shows* is in log odds.
#
# ### What stimulation makes appear

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-detected", "caption": "Change of the share of reconstructions in which a category is detected (threshold: 5 % false alarms among validation stimuli without it), by stimulated region; 95 % intervals over pictures and fits. Grey: what 95 % of the sets of matched random voxels do. Filled: p ≤ .05, not corrected."}}
shown = found.table("detected")
run.show(plots.beside_random_voxels(shown, origin=run.origin, columns=4,
                                    title="What is detected when a region is stimulated"),
         "detected", data=shown) if len(shown) else report.NO_DETECTORS

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-patterns", "caption": "Change of the picture's patterns and size of the whole change, by stimulated region; intervals and random voxels as above."}}
patterns = found.table("patterns")
run.show(plots.beside_random_voxels(patterns, origin=run.origin, columns=4,
                                    title="Meshes and repeated patterns"), "patterns",
         data=patterns)

# %% [markdown]
# With the paper's figures beside these: a single picture with a body in it says nothing of how many have one without
# stimulation, and a mesh nothing of the meshes that any large push gives ({numref}`fig-detected`, {numref}`fig-patterns`).
# Regions differ in size, so FFA and OFA are compared by pairs of random sets of their sizes.
#
# ```{verdicts} 04_microstimulation
# :of: bodies-words places-mesh faces-patterns ffa-not-ofa
# ```
#
# ### Do the same coordinates move?
#
# That a region moves the same coordinates on all trials says something of the region only where random voxels do so less: a
# fixed network that is driven far outside its data answers much the same to everything.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-coordinates", "caption": "Alike on all trials: mean cosine of a trial's shift with those of the other trials. Same coordinates: of the tenth that move most on a trial, the share that does on another, a tenth by chance. 95 % intervals over pictures and fits; grey: matched random voxels. Filled: p ≤ .05, not corrected."}}
same = found.table("same_coordinates")
run.show(plots.beside_random_voxels(same, origin=run.origin, columns=4,
                                    title="Does a region move the same coordinates on all trials?"),
         "same_coordinates", data=same)

# %% [markdown]
# ```{verdicts} 04_microstimulation
# :of: same-coordinates
# ```
#
# ### What silencing takes away
#
# The levels differ in their number of voxels, too, which random sets of the same sizes account for. And a voxel at zero is not
# silent: it says what it says on average, so that the states are partly the mean of all trials.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-silenced", "caption": "Change of the reconstruction with a level of the hierarchy set to its session mean; 95 % intervals over pictures and fits; grey: matched random voxels, drawn from all voxels where the level is most of them. Filled: p ≤ .05, not corrected."}}
silenced = found.table("silenced")
run.show(plots.beside_random_voxels(silenced, origin=run.origin,
                                    title="Colours, edges and sharpness without a level"),
         "silenced", data=silenced)

# %% [markdown]
# ```{verdicts} 04_microstimulation
# :of: early-pictures early-embedding higher-pictures higher-embedding intermediate-least
# ```
#
# ## Dose and the measured range
#
# Where does a stimulated state leave what the mappers have seen? The distance is Mahalanobis' from the training trials, under
# probabilistic principal components; its limit is what 99 % of the validation trials, as measured, stay within.

# %%
ranges = report.range_table(run, value, [*report.ALL, *mine])
run.table(ranges, "range", digits=2)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dose", "caption": "Change of the cosine with the category's sentence against the value that the region's voxels are set to, by this run's one fit, with 95 % intervals over pictures. Grey: mean and range of sets of matched random voxels. Shaded: doses at which more than half of the trials lie outside the measured range. Dotted: the paper's dose."}}
dose, limits = report.dose_curves(run), dict(zip(ranges.region, ranges.leaves_at))
run.show(plots.doses(dose, limits, value=value, origin=run.origin, ylabel="change of cosine",
                     title="Dose and response, and where the measured range ends"), "dose",
         data=dose)

# %% [markdown]
# In the table, `leaves_at` is that dose (median over trials, and where 95 % of trials lie), `distance` the distance at the
# chapter's dose in units of the limit, `outside` the share of trials beyond it, and `most` the highest mean over the region's voxels
# that any training trial has. The paper's dose can be read against all of them; effects in the shaded part of
# {numref}`fig-dose` are what the networks make of states that they were never trained on.
#
# ## Within the measured range
#
# What a brain could do: to trials whose picture does not show a category, add the region's own mean response to it, once or a few
# times. Random voxels are given the same amounts, on the first few of these trials, on which p compares with them. `where` says
# whether the states lie within the range.

# %%
within = found.table("within")
run.table(within, "within")[["name", "gain", "value", "low", "high", "chance", "random_low",
                             "random_high", "p", "distance", "where", "n"]]

# %% [markdown]
# This is the stimulation that an experiment could be compared with. Its effect has the unit of {numref}`fig-dose`, and random voxels
# with the same amounts are its bar.
#
# ## Planted beside recovered
#
# The simulated regions were given a preference. If stimulation says what a region is for, it finds that preference again,
# region by region. In the table below the figure, `selectivity` is the strength with which the region's own preference was
# planted, mean over voxels (the figure shows what that makes of its responses); `recovered` is how much nearer stimulation brings
# its own category's sentence than matched random voxels do; `rank` is the place of that category among the recovered ones.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-planted", "caption": "Left: planted noiseless response to pictures that show a category less that to the others, mean over the region's voxels. Right: how much nearer to the category's sentence stimulation brings the embedding than matched random voxels do. Framed: the category that the region is named for. Star: p ≤ .05 of the random sets, not corrected. In brackets the number of voxels."}}
planted = found.table("planted")
run.show(plots.planted_beside_recovered(planted, origin=run.origin,
                                        title="What was planted, and what stimulation recovers"),
         "planted", data=planted) if len(planted) else report.NO_PLANT

# %%
run.table(report.recovery_verdicts(planted), "recovered") if len(planted) else report.NO_PLANT

# %% tags=["remove-output"]
report.sliders(run).save(run.root / run.name)
run.record(report.trial_counts() | report.stimulation_summary(table)
           | report.sentence_numbers(sentences) | report.recovered_correlation(run, planted))

# %% [markdown]
# Over regions and categories, planted and recovered selectivity have the rank correlation
# {ours}`04_microstimulation:recovered_correlation` (p = {ours}`04_microstimulation:recovered_correlation_p` by swapping whole
# regions; each category centred over regions, since some move easily from anywhere).
#
# ## Every region at every dose
#
# Choose a region, a dose and a trial: what was seen, the picture as measured and with the region set to that dose (0
# silences it), how much nearer each category's sentence comes, and whether such a state lies within the measured range.
#
# ```{picturesliders} 04_microstimulation
# ```
#
# ## Paper beside ours
#
# ```{scorecard} 04_microstimulation
# :name: tab-stimulation
# :caption: Shift towards the region's category, that of random voxels which match it, and the difference. The paper gives no numbers.
# :keys: bodies words places faces *_shift recovered_correlation*
# ```
#
# **Reading** ({numref}`tab-stimulation`). What can be said of these regions is what survives three subtractions: what random voxels
# of the same kind do ({numref}`fig-moved`), what lies outside the measured range ({numref}`fig-dose`), and what another fit of the
# mapper would undo. The paper's figures take none of them away. The verdicts above are worked out from the record of several fits, and
# stand with those on all other claims in {doc}`../claims`.
