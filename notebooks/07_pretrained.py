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
# in a picture {cite:p}`radford2021clip`, and a generator that was trained to generate from CLIP without captions
# {cite:p}`zhou2022lafite`. From a brain only *an embedding in CLIP's space* is then decoded. So before any brain comes
# in: what do these networks know, what do they not, and which network may evaluate them?
#
# :::{admonition} What you see here
# :class: note
# Every picture and number below comes from the **simulated** world of our **simulated subject** ({doc}`../data`),
# from scenes that none of the networks was trained on. No brain takes part. How each network was made stands in
# {doc}`../models`.
# :::

# %% tags=["parameters"]
preset: str = "book"  # smoke, book, paper or shared1000
subject: str = ""  # twin01, the only one whose networks are shipped, empty keeps the preset's
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example evaluate.n_retrieval

# %%
from mindreader.companion import chapter, foundagain, plots
from mindreader.companion.ch07_pretrained import (exam, generators, held_out, interpolation,
                                                  shipped_clip)
from mindreader.core import params

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict)
run = chapter.start("07_pretrained", preset, subject=subject, seed=seed, overrides=overrides)
held_out.only_simulated(run)
print(run.opening(held_out_scenes=held_out.sizes(run).held_out,
                  scored_of_them=held_out.sizes(run).scored))

# %% [markdown]
# ## CLIP: a picture and its sentence
#
# Each held-out scene has sentences of known worth: specific, partial, vague, and off (about another scene). Among 300
# candidates, a picture should find its own specific sentence and be found by it. The count is exact over all sets of
# 299 rivals, and a rival with the very same words counts against us.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-clip-top1", "caption": "How often a held-out picture and its sentence find each other among 300, by what the sentence was meant to be. Vague and off sentences are controls. Intervals resample pictures."}}
found = shipped_clip.top1(run)
run.show(plots.dots(found, hue="direction", origin=run.origin, xlabel=found.metric[0],
                    chance=found.chance[0],
                    title="A specific sentence and its picture find each other"), "top1",
         data=found)

# %% [markdown]
# ## CLIP: classes without a classifier
#
# No classifier was trained: a class scores by the cosine of the picture to "a photo of a dog", and its AUC asks how
# often a picture with a dog scores above one without.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-zero-shot", "caption": "Zero-shot AUC of each class in held-out pictures, with 95 % intervals from resampling pictures. Classes in fewer than ten of them are left out."}}
classes = shipped_clip.zero_shot(run)
run.show(plots.dots(classes, hue="kind", origin=run.origin, xlabel="zero-shot AUC", chance=0.5,
                    title="Most classes are known by name"), "zero_shot", data=classes)

# %% [markdown]
# **Reading.** Specific sentences are found in {ours}`07_pretrained:top1_captions` of the cases and pictures in
# {ours}`07_pretrained:top1_pictures`. Vague sentences are practically never found ({ours}`07_pretrained:top1_vague`): many scenes
# share the same few, word for word, and a tie is a miss. The classes' mean AUC is {ours}`07_pretrained:zero_shot`.
#
# ## What captions never mention is forgotten
#
# CLIP is trained to represent a picture only so far as it helps to find the sentence. Some things that are plain to
# see are in no sentence of this world: on which side the sun stands, whether a lamp is lit indoors, where a lone thing
# stands. (A test holds us to that: change them, and not one word changes.) We decode each true factor of the scene
# from CLIP's embedding by ridge regression, from the same picture shrunk to 16 x 16 pixels, which say little about
# things but lose nothing that is large, and from the low-level network, whose embedding the paper maps to as well.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-forgotten", "caption": "How well a true factor of the scene is decoded, linearly and cross-validated, from CLIP's embedding of the picture, from 16 x 16 pixels, and from the low-level network. 0.5 is chance. Few sentences give the colour of a wall, and only indoors."}}
factors = shipped_clip.forgotten(run)
run.show(plots.dots(factors, hue="input", origin=run.origin, xlabel="AUC of the readout",
                    chance=0.5, title="CLIP keeps what captions mention"), "forgotten",
         data=factors)

# %% [markdown]
# **Reading.** From CLIP against from the pixels: of what most sentences mention, the main thing is decoded with an AUC
# of {ours}`07_pretrained:thing_clip` against {ours}`07_pretrained:thing_pixels`, its colour
# {ours}`07_pretrained:colour_clip` against {ours}`07_pretrained:colour_pixels`. Of what they never mention, the
# side of the sun {ours}`07_pretrained:sun_clip` against {ours}`07_pretrained:sun_pixels`, where a lone thing stands
# {ours}`07_pretrained:place_clip` against {ours}`07_pretrained:place_pixels`, clouds {ours}`07_pretrained:clouds_clip`
# against {ours}`07_pretrained:clouds_pixels`. A lamp indoors ({ours}`07_pretrained:lamp_clip` against
# {ours}`07_pretrained:lamp_pixels`) and the horizon ({ours}`07_pretrained:horizon_clip` against
# {ours}`07_pretrained:horizon_pixels`) are half forgotten, and so is the colour of a wall
# ({ours}`07_pretrained:wall_clip` against {ours}`07_pretrained:wall_pixels`), which only some sentences mention.
# Anything decoded through CLIP inherits this: what is missing from a reconstruction may be missing from the space, not
# from the brain. The low-level network, one number a place without colour, has two of the things that CLIP forgets, the side of
# the sun ({ours}`07_pretrained:sun_resnet`) and the place of a thing ({ours}`07_pretrained:place_resnet`); of a lamp
# ({ours}`07_pretrained:lamp_resnet`) and the horizon ({ours}`07_pretrained:horizon_resnet`) it has less than CLIP.
#
# ```{verdicts} 07_pretrained
# :of: clip-semantic resnet-low-level
# ```
#
# ## The generators, on held-out scenes
#
# The condition is the true embedding of a held-out picture or, *from caption*, that of a specific sentence about it.
# Nothing was chosen: these are the first held-out scenes.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-generated", "caption": "Held-out pictures, and pictures that the shipped generators make from their embeddings, and from their captions' embeddings."}}
columns = generators.truths_and_generated(run)
run.show(plots.picture_grid(columns, origin=run.origin,
                            title="From a true embedding: what is there, and where"),
         "generated")

# %% [markdown]
# Identification uses a feature net that is in no loss ({doc}`../models`); distances compare whole sets in its
# space. The yardsticks say what a distance means: another set of real pictures, and samples from a Gaussian over
# pixels, the best that brightness and blur alone can do.

# %%
run.table(generators.generator_table(run), "generators")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-generator-distances", "caption": "Fréchet distance in the feature net's space from each set of generated pictures to the true pictures, all sets as large. Dotted: 0.35 of the Gaussian's distance, the bar for the language-free generator from pictures' embeddings."}}
far = generators.distance_rows(run)
run.show(plots.dots(far, hue="what", origin=run.origin, xlabel="FD (twin features)",
                    title="The language-free generator comes nearest", logx=True,
                    lines=generators.bar(run)), "distances", data=far)

# %% [markdown]
# **Reading.** From true embeddings, the language-free generator's picture is identified among two in
# {ours}`07_pretrained:lf_way_2` of the cases and among ten in {ours}`07_pretrained:lf_way_10`: the ceiling of a
# perfect brain decoder with the generator that {doc}`03_gan` starts from. Its distance is
# {ours}`07_pretrained:lf_fd`, where another real set has {ours}`07_pretrained:fd_real` and the Gaussian
# {ours}`07_pretrained:fd_gaussian`: by this number the generator is perfect, and {numref}`fig-generated` shows that it is
# not; what such a distance can tell is examined below. From captions it is identified
# among two in {ours}`07_pretrained:lf_caption_way_2`: it was trained on none, and generates from them because CLIP
# puts both in one space. The supervised generator, which was trained on captions, has
# {ours}`07_pretrained:sup_caption_way_2` from captions and {ours}`07_pretrained:sup_way_2` from pictures; it had less
# training ({doc}`../models`), so this is no fair comparison.
#
# ## The condition moves content, z moves detail
#
# A generator has two inputs: the embedding, and a random z. If all is well, the embedding decides *what* and z *how
# exactly*. First, the embedding moves from one scene's to another's and z is fixed.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-walk", "caption": "The language-free generator on the straight line between the embeddings of two held-out scenes, with the same z."}}
run.show(plots.picture_grid(interpolation.walk(run, n=4), origin=run.origin,
                            title="The embedding moves, z is fixed"),
         "walk")

# %% [markdown]
# Then the embedding is fixed and z is drawn anew.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-z-draws", "caption": "The same embeddings with six draws of z; at the right, where the first two of them differ, ten times as strong."}}
run.show(plots.picture_grid(interpolation.draws(run, n=4), origin=run.origin,
                            title="The embedding is fixed, z changes"),
         "draws")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-content-along", "caption": "Distance of the generated picture from the first one, in the feature net, as the embedding moves to another scene's; beside it, the distance between two draws of z for the same embedding. 1 is the distance between two true scenes."}}
along = interpolation.content_along(run)
run.show(plots.curves(along, x="share", y="value", hue="name", origin=run.origin,
                      xlabel="share of the way",
                      ylabel="distance (1: two true scenes)",
                      title="Content follows the embedding"), "content",
         data=along)

# %%
run.table(interpolation.shares_of_z(run)[["name", "metric", "value", "low", "high", "n"]],
          "shares_of_z")

# %% [markdown]
# **Reading.** At the other scene's embedding the picture lies {ours}`07_pretrained:walk_whole` true scenes away from
# the first one, halfway {ours}`07_pretrained:walk_half`; another z moves it by {ours}`07_pretrained:walk_z`. Of the
# variance of generated pictures z decides {ours}`07_pretrained:z_content` in content, {ours}`07_pretrained:z_layout` in
# layout and {ours}`07_pretrained:z_detail` in detail. A generator that is first trained by regression is trained to
# ignore noise; so its draws for one embedding say little about one that is not.
#
# ```{verdicts} 07_pretrained
# :of: z-minor
# ```
#
# ## Never evaluate by the critic
#
# The generator was trained against this very CLIP. How good is CLIP as an evaluation network, then? The same
# identification among 300 pictures is done by CLIP and by the feature net outside. Among the sets evaluated is
# **flattered fog**: the mean picture of the world, its pixels moved by at most 20 of 255 levels until CLIP identifies
# the right scene. No generator is needed for that, and no scene is visible in it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-evaluated", "caption": "What both networks evaluate: true pictures, pictures generated from their embeddings, and pictures made without a generator."}}
run.show(plots.picture_grid(generators.evaluated_columns(run), origin=run.origin,
                            title="Fog, to anyone but the critic"), "evaluated")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-evaluation-networks", "caption": "Top-1 of 300 by the CLIP inside the loss and by a feature net outside every loss. The gap in the row of the fog is the trap: a score by the critic does not say that anything can be seen."}}
networks = generators.evaluation_networks(run)
run.show(plots.dots(networks[networks.ways > 2], hue="network", origin=run.origin,
                    xlabel=f"top-1 of {networks.ways.max()}",
                    title="The critic sees a scene where there is fog",
                    chance=networks.chance.min()), "evaluation_networks", data=networks)

# %% [markdown]
# **Reading.** CLIP identifies the right one of 300 scenes in the fog in {ours}`07_pretrained:fog_top1_by_clip` of the
# cases, the feature net in {ours}`07_pretrained:fog_top1_by_net`. For the language-free generator it is
# {ours}`07_pretrained:lf_top1_by_clip` and {ours}`07_pretrained:lf_top1_by_net`, and for the true picture at half its
# size {ours}`07_pretrained:half_top1_by_clip` and {ours}`07_pretrained:half_top1_by_net`. A score by the critic is
# thus no evidence on its own, and every score of a picture in this book is by the net outside, but for rows that say
# otherwise.
#
# ## Does a score see what a person sees?
#
# A score of naturalness is taken at its word, and nobody had examined it. So held-out pictures are damaged in eight ways at four
# strengths. What a person sees of each was written down first, from sheets of such pictures: nothing, something on a
# second look, or all at once. A score passes if it ranks the strengths within every damage, and puts nothing that a
# person sees at once below anything that a person cannot see. Our own generator's pictures sit the exam, too.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-damages", "caption": "One of the eight damages, tiles of 2 x 2 pixels exchanged with a neighbour, at its four strengths, and what a person sees of it."}}
columns = exam.damaged_columns(run, "local shuffle")
run.show(plots.picture_grid(columns, origin=run.origin, title="How much of this would you notice?"),
         "damages")

# %%
examined, source = exam.recorded_exam(run)
verdicts = exam.exam_verdicts(run)
print(source)

# %%
run.table(verdicts, "exam")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-exam", "caption": "Every score for every damaged set, dots growing with the strength, and for the language-free generator's pictures. Dashed: undamaged pictures. Shaded: what a person sees at once has less than something that a person cannot see."}}
run.show(plots.exam_panels(examined, verdicts, origin=run.origin,
                           title="Most scores do not measure naturalness"),
         "exam_panels", data=examined)

# %% [markdown]
# **Reading.** {ours}`07_pretrained:exam_passed` scores pass: *out of place*, how wrong the worst places of a picture look
# to a network that was shown misplaced, doubled and missing parts; and *structure or surface*, the larger of that and of
# how far small patches must be moved to become those of real pictures, each in units of real pictures behind a haze that
# hardly shows. The second looks at surfaces, too, and is used from here on. The Fréchet distance of our feature net, by
# which this book and the field compare generators, ranks the strengths of {ours}`07_pretrained:exam_today_ranks` of the
# eight damages and has {ours}`07_pretrained:exam_today_inverted` of the pairs in the wrong order: that net was trained
# to tell what is in a picture, and a smear still tells. So a small distance says that a set has the right contents, not
# that a picture looks real. By the score that passes, our generator's pictures lie at
# {ours}`07_pretrained:exam_generator_structure_or_surface`, where real ones behind the haze have 1: nobody takes them for
# real ones, as {numref}`fig-generated` shows.
#
# ## Which things are found again?
#
# Another way to ask what a generator keeps: a segmenter, trained on the world's own masks and in no loss, reads the
# generated picture. Is a class of the true picture there again, in its place, in its colour? The yardstick is
# retrieval: of all training pictures, the one with the nearest embedding. What that shows again the embedding carries, so
# what a generator shows less of it loses.

# %%
_, source = foundagain.recorded_found(run)
print(source)

# %%
run.table(foundagain.found_means(run, "held-out scenes"), "found_again")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-found-again", "caption": "Share of the held-out pictures with a class in which it is found again: in the picture itself (how well the segmenter reads), in what the language-free generator makes of its embedding, in the nearest of the training pictures, and in what is made of another picture's embedding or of the mean."}}
classes = foundagain.found_classes(run, "held-out scenes")
run.show(plots.classes_by_kind(classes, by="true embedding", origin=run.origin,
                               xlabel="found again", chance=None,
                               title="What the embedding carries, and what the generator keeps"),
         "found_again_classes", data=classes)

# %% [markdown]
# **Reading.** Things are found again in {ours}`07_pretrained:found_generated` of the pictures that have them (mean over
# classes), in the nearest training picture in {ours}`07_pretrained:found_retrieved`, in the picture itself in
# {ours}`07_pretrained:found_itself`; stuff in {ours}`07_pretrained:found_generated_stuff`,
# {ours}`07_pretrained:found_retrieved_stuff` and {ours}`07_pretrained:found_itself_stuff`. From another picture's
# embedding it is {ours}`07_pretrained:found_other` and {ours}`07_pretrained:found_other_stuff`: what scenes share. Of
# the things that are read in a generated picture, {ours}`07_pretrained:found_generated_precision` belong there, of those
# in the retrieved one {ours}`07_pretrained:found_retrieved_precision`; in their place are
# {ours}`07_pretrained:found_generated_place` and {ours}`07_pretrained:found_retrieved_place`. So the generator hints at
# about what the embedding carries, in the wrong places and with things beside that nobody asked for. What remains of single
# trials of a brain is in {doc}`03_gan`.
#
# ## A generator out of domain
#
# The paper's Figure 12 shows a generator that was trained on web pictures, under watermarks, and not finetuned. Ours
# was trained on a stream of scenes with another palette, each with the same word at its foot.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-other-world", "caption": "Left: pictures of the other world, and those that its generator makes from their embeddings. Right: pictures of our world, and those that this generator and the language-free one make from theirs."}}
run.show(plots.picture_grid(generators.other_world(run), origin=run.origin,
                            title="A generator keeps its training domain"), "other_world")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-taken", "caption": "Share of pictures that a linear classifier on the feature net takes for the other world's. Grey: real pictures of both worlds. All generators were conditioned on embeddings of our world's pictures."}}
taken = generators.taken_out_of_domain(run)
run.show(plots.scores_with_controls(taken, origin=run.origin, xlabel="taken for the other world's",
                                    title="The training domain shows through"), "out_of_domain",
         data=taken)

# %% tags=["remove-output"]
run.record(shipped_clip.clip_summary(run) | generators.generator_summary(run)
           | interpolation.condition_summary(run)
           | exam.exam_summary(run) | foundagain.held_out_entries(run))

# %% [markdown]
# **Reading.** Of the pictures that the out-of-domain generator makes of *our* scenes, {ours}`07_pretrained:taken_ood`
# are taken for the other world's; of the language-free generator's, {ours}`07_pretrained:taken_lf`. In its own world
# it is identified in {ours}`07_pretrained:ood_home_way_2` of two-way comparisons, by a net that was trained on no
# watermark; in our world in {ours}`07_pretrained:ood_way_2`, at {ours}`07_pretrained:ood_fd_ratio` times the
# Gaussian's distance, against {ours}`07_pretrained:lf_fd_ratio` for the generator that was trained on our world. That
# is why the paper finetunes what it starts from, and why {doc}`03_gan` does; what this generator makes of a brain is
# there, too.
#
# ```{verdicts} 07_pretrained
# :of: ood-quality
# ```
#
# ## All numbers
#
# ```{scorecard} 07_pretrained
# :name: tab-pretrained
# :caption: The shipped networks on held-out scenes of the simulated world. The paper takes its networks as given.
# ```
