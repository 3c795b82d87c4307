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
# # What the shipped networks know
#
# **Claim.** Mind Reader {cite:p}`lin2022mindreader` stands on networks that others trained: a CLIP that knows what is
# in a picture {cite:p}`radford2021clip`, and a generator that learnt to paint from CLIP without captions
# {cite:p}`zhou2022lafite`. A brain is then only asked to say *where in CLIP's space* it is. So before any brain comes
# in: what do these networks know, what do they not, and who may judge them?
#
# :::{admonition} What you see here
# :class: note
# Every picture and number below comes from the **simulated** world of our **simulated subject** ({doc}`../data`),
# from scenes that none of the networks was trained on. No brain takes part. How each network was made stands in
# {doc}`../models`.
# :::

# %% tags=["parameters"]
preset: str = "book"  # smoke, book or paper
subject: str = ""  # twin01 (simulated), the only one whose networks are shipped, empty keeps the preset's choice
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example evaluate.n_retrieval

# %%
from mindreader.companion import chapter, plots
from mindreader.companion.ch07_pretrained import held_out, interpolation, pretrained, shipped_clip
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("07_pretrained", preset, subject=subject, seed=seed, overrides=overrides)
held_out.only_simulated(run)
"(n_held_out, n_scored) =", (held_out.sizes(run).held_out, held_out.sizes(run).scored)

# %% [markdown]
# ## CLIP: a picture and its sentence
#
# Each held-out scene has sentences of known worth: specific, partial, vague, and off (about another scene). Among 300
# candidates, a picture should find its own specific sentence and be found by it. The count is exact over all sets of
# 299 rivals, and a rival with the very same words counts against us.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-clip-top1", "caption": "How often a held-out picture and its sentence find each other among 300, by what the sentence was meant to be. Vague and off sentences are controls. Intervals resample pictures."}}
found = shipped_clip.top1(run)
run.show(plots.dots(found, hue="direction", origin=run.origin, xlabel=found.metric[0], chance=found.chance[0],
                    title="A specific sentence and its picture find each other"), "top1", data=found)

# %% [markdown]
# ## CLIP: classes it was never taught to name
#
# No classifier was trained: a class scores by the cosine of the picture to "a photo of a dog", and its AUC asks how
# often a picture with a dog scores above one without.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-zero-shot", "caption": "Zero-shot AUC of each class in held-out pictures, with 95 % intervals from resampling pictures. Classes in fewer than ten of them are left out."}}
classes = shipped_clip.zero_shot(run)
run.show(plots.dots(classes, hue="kind", origin=run.origin, xlabel="zero-shot AUC", chance=0.5,
                    title="Most classes are known by name"), "zero_shot", data=classes)

# %% [markdown]
# **Reading.** Specific sentences are found in {ours}`07_pretrained:top1_captions` of the cases and pictures in
# {ours}`07_pretrained:top1_pictures`. Vague sentences are found in {ours}`07_pretrained:top1_vague`: many scenes
# share the same few, word for word, and a tie is a miss. The classes' mean AUC is {ours}`07_pretrained:zero_shot`.
#
# ## What captions never mention is forgotten
#
# CLIP learns a picture only so far as it helps to find the sentence. Some things that are plain to see are in no
# sentence of this world: on which side the sun stands, whether a lamp is lit indoors, where a lone thing stands. (A
# test holds us to that: change them, and not one word changes.) We read each true factor of the scene off CLIP's
# point by ridge regression, and off the same picture shrunk to 16 x 16 pixels, which know little but forget nothing
# large.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-forgotten", "caption": "How well a true factor of the scene is read, linearly and cross-validated, from CLIP's point of the picture and from 16 x 16 pixels. 0.5 is chance. Few sentences give the colour of a wall, and only indoors."}}
read = shipped_clip.forgotten(run)
run.show(plots.dots(read, hue="input", origin=run.origin, xlabel="AUC of the readout", chance=0.5,
                    title="CLIP keeps what sentences tell"), "forgotten", data=read)

# %% [markdown]
# **Reading.** What most sentences tell, CLIP knows better than the pixels do: the main thing with an AUC of
# {ours}`07_pretrained:thing_clip` against {ours}`07_pretrained:thing_pixels`, its colour
# {ours}`07_pretrained:colour_clip` against {ours}`07_pretrained:colour_pixels`. What they never tell, it knows worse:
# the side of the sun {ours}`07_pretrained:sun_clip` against {ours}`07_pretrained:sun_pixels`, where a lone thing
# stands {ours}`07_pretrained:place_clip` against {ours}`07_pretrained:place_pixels`, clouds
# {ours}`07_pretrained:clouds_clip` against {ours}`07_pretrained:clouds_pixels`. A lamp indoors
# ({ours}`07_pretrained:lamp_clip` against {ours}`07_pretrained:lamp_pixels`) and the horizon
# ({ours}`07_pretrained:horizon_clip` against {ours}`07_pretrained:horizon_pixels`) are half forgotten, and so is the
# colour of a wall ({ours}`07_pretrained:wall_clip` against {ours}`07_pretrained:wall_pixels`), which only some
# sentences tell. Anything decoded through CLIP inherits this: what is missing from a reconstruction may be missing
# from the space, not from the brain.
#
# ## The painters, on held-out scenes
#
# The true point of a held-out picture goes in, a picture comes out. *From caption* gives the point of a specific
# sentence instead. Nothing was chosen: these are the first held-out scenes.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-paintings", "caption": "Held-out pictures and what the shipped painters make of their points, and of their captions' points."}}
columns = pretrained.truths_and_paintings(run)
run.show(plots.picture_grid(columns, origin=run.origin, title="From a true point: what is there, and where"),
         "paintings")

# %% [markdown]
# Identification asks a feature net that no loss has seen ({doc}`../models`); distances compare whole sets in its
# space. The yardsticks say what a distance means: another set of real pictures, and samples from a Gaussian over
# pixels, the best that brightness and blur alone can do.

# %%
run.table(pretrained.painter_table(run), "painters")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-painter-distances", "caption": "Fréchet distance in the feature net's space from each set of paintings to the true pictures, all sets as large. Dotted: 0.35 of the Gaussian's distance, the bar for the language-free painter from pictures' points."}}
far = pretrained.distance_rows(run)
run.show(plots.dots(far, hue="what", origin=run.origin, xlabel="FD (twin features)",
                    title="The language-free painter comes nearest", logx=True,
                    lines=pretrained.bar(run)), "distances", data=far)

# %% [markdown]
# **Reading.** From true points, the language-free painter's picture is picked out of two in
# {ours}`07_pretrained:lf_way_2` of the cases and out of ten in {ours}`07_pretrained:lf_way_10`: what a perfect brain
# decoder could hope for from the painter that {doc}`03_gan` starts with. Its distance is
# {ours}`07_pretrained:lf_fd_ratio` of the Gaussian's (the bar is {ours}`07_pretrained:bar`); for another real set it
# is {ours}`07_pretrained:fd_real`, for the Gaussian {ours}`07_pretrained:fd_gaussian`. From captions it is picked out
# of two in {ours}`07_pretrained:lf_caption_way_2`: it never saw one, and paints from them because CLIP put both in
# one space. The supervised painter, which was taught on captions, has {ours}`07_pretrained:sup_caption_way_2` from
# captions and {ours}`07_pretrained:sup_way_2` from pictures; it had less training ({doc}`../models`), so this is no
# fair race.
#
# ## The condition moves content, z moves detail
#
# A painter hears two things: the point, and a random z. If all is well, the point decides *what* and z *how exactly*.
# First, the point walks from one scene to another and z is held still.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-walk", "caption": "The language-free painter on the straight way between the points of two held-out scenes, with the same z."}}
run.show(plots.picture_grid(interpolation.walk(run), origin=run.origin, title="The point walks, z stands still"),
         "walk")

# %% [markdown]
# Then the point stands still and z is drawn anew.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-z-draws", "caption": "The same points with six draws of z; at the right, where the first two of them differ, ten times as strong."}}
run.show(plots.picture_grid(interpolation.draws(run), origin=run.origin, title="The point stands still, z changes"),
         "draws")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-content-along", "caption": "Distance of the painted picture from where it started, in the feature net, as the point walks to another scene's; beside it, the distance between two draws of z at the same point. 1 is the distance between two true scenes."}}
gone = interpolation.content_along(run)
run.show(plots.curves(gone, x="share", y="value", hue="name", origin=run.origin, xlabel="share of the way",
                      ylabel="distance (1: two true scenes)", title="Content follows the point"), "content", data=gone)

# %%
run.table(interpolation.shares_of_z(run)[["name", "metric", "value", "low", "high", "n"]], "shares_of_z")

# %% [markdown]
# **Reading.** At the other scene's point the picture lies {ours}`07_pretrained:walk_whole` true scenes away from
# where it began, halfway {ours}`07_pretrained:walk_half`; another z moves it by {ours}`07_pretrained:walk_z`. Of the
# variance of painted pictures z decides {ours}`07_pretrained:z_content` in content, {ours}`07_pretrained:z_layout` in
# layout and {ours}`07_pretrained:z_detail` in detail. So z changes detail, and little of it: a painter that first
# learns to copy learns that noise is no help, and its draws of one point hardly differ.
#
# ## Never ask the critic
#
# The painter was trained to please this very CLIP. How good is CLIP as a judge, then? We put the same question to
# CLIP and to the feature net outside: which of 300 pictures is this? Among those asked about is **flattered fog**:
# the mean picture of the world, its pixels moved by at most 20 of 255 levels until CLIP sees the right scene. No
# painter is needed for that, and no scene comes out of it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-judged", "caption": "What the two judges are asked about: true pictures, paintings from their points, and pictures made without a painter."}}
run.show(plots.picture_grid(pretrained.judged_pictures(run), origin=run.origin,
                            title="Fog, to anyone but the critic"), "judged")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-two-judges", "caption": "Top-1 of 300 by the CLIP inside the loss and by a feature net outside every loss. The gap in the row of the fog is the trap: a score by the critic does not say that anything can be seen."}}
judges = pretrained.two_judges(run)
run.show(plots.dots(judges[judges.ways > 2], hue="judge", origin=run.origin, xlabel=f"top-1 of {judges.ways.max()}",
                    title="The critic sees a scene where there is fog", chance=judges.chance.min()),
         "judges", data=judges)

# %% [markdown]
# **Reading.** CLIP finds the right one of 300 scenes in the fog in {ours}`07_pretrained:fog_top1_by_clip` of the
# cases, the feature net in {ours}`07_pretrained:fog_top1_by_net`. For the language-free painter the two say
# {ours}`07_pretrained:lf_top1_by_clip` and {ours}`07_pretrained:lf_top1_by_net`, and for the true picture at half its
# size {ours}`07_pretrained:half_top1_by_clip` and {ours}`07_pretrained:half_top1_by_net`. A score by the critic is
# thus no evidence on its own, and every score of a picture in this book is by the net outside, but for rows that say
# otherwise.
#
# ## A painter from another world
#
# The paper's Figure 12 shows a generator that was trained on web pictures and not finetuned: it paints their
# watermarks into everything. Ours was trained on a stream of scenes with another palette, each with the same word at its
# foot.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-other-world", "caption": "Left: pictures of the other world, and what its painter makes of their points. Right: pictures of our world, and what that painter and the language-free one make of theirs."}}
run.show(plots.picture_grid(pretrained.other_world(run), origin=run.origin,
                            title="Paint as you were taught"), "other_world")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-foreign", "caption": "Share of pictures that a linear reader of the feature net takes for the other world's. Grey: real pictures of both worlds. All painters were given points of our world's pictures."}}
foreign = pretrained.looks_foreign(run)
run.show(plots.scores_with_controls(foreign, origin=run.origin, xlabel="taken for the other world's",
                                    title="The world it was taught shows through"), "foreign", data=foreign)

# %% tags=["remove-output"]
run.record(shipped_clip.clip_summary(run) | pretrained.painter_summary(run) | interpolation.condition_summary(run))

# %% [markdown]
# **Reading.** Of what the out-of-domain painter makes of *our* scenes, {ours}`07_pretrained:foreign_ood` is taken for
# the other world's; of the language-free painter's, {ours}`07_pretrained:foreign_lf`. At home it is identified in
# {ours}`07_pretrained:ood_home_way_2` of two-way rounds, by a net that was never taught to see through a watermark;
# in our world in {ours}`07_pretrained:ood_way_2`, at {ours}`07_pretrained:ood_fd_ratio` times the Gaussian's
# distance, against {ours}`07_pretrained:lf_fd_ratio` for the painter that was taught on our world. That is why the
# paper finetunes what it starts from, and why {doc}`03_gan` does.
#
# ## All numbers
#
# ```{scorecard} 07_pretrained
# :name: tab-pretrained
# :caption: The shipped networks on held-out scenes of the simulated world. The paper takes its networks as given.
# ```
